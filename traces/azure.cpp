#include "traces/azure.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "traces/fields.hpp"

namespace calvo::traces {
namespace {

enum Column : std::size_t { timestamp, context_tokens, generated_tokens };
constexpr std::array<std::string_view, 3> columns = {"TIMESTAMP", "ContextTokens",
                                                     "GeneratedTokens"};

/// "2023-11-16 18:17:03.9799600" in milliseconds since 1970, to 0.1 microseconds.
double parse_date(const FieldRows& rows) {
  const std::string_view text = rows.text(timestamp);
  const auto fail = [&] {
    rows.fail(timestamp,
              fmt::format("not a date \"{}\"; write one such as 2023-11-16 18:17:03.97", text));
  };
  // The shape first: digits where 0 stands, this very character elsewhere, then a fraction.
  constexpr std::string_view shape = "0000-00-00 00:00:00";
  if (text.size() < shape.size()) fail();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : text[i] != shape[i]) fail();
  }
  const auto part = [&](std::size_t from, std::size_t size) {
    int value = 0;
    std::from_chars(text.data() + from, text.data() + from + size, value);
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year{part(0, 4)},
                                        std::chrono::month{static_cast<unsigned>(part(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(part(8, 2))}};
  if (!day.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59) fail();
  double fraction = 0;
  if (text.size() > shape.size()) {
    const char* end = text.data() + text.size();
    const auto parsed =
        std::from_chars(text.data() + shape.size(), end, fraction, std::chars_format::fixed);
    if (text[shape.size()] != '.' || parsed.ec != std::errc{} || parsed.ptr != end) fail();
  }
  const auto days = std::chrono::sys_days(day).time_since_epoch().count();
  const double seconds = part(11, 2) * 3600 + part(14, 2) * 60 + part(17, 2);
  return static_cast<double>(days) * 86'400'000 + seconds * 1000 + std::round(fraction * 1e7) / 1e4;
}

}  // namespace

Trace read_azure(const std::string& file) {
  LineReader reader(file);
  FieldRows rows(reader, ',', columns);
  Trace trace;
  trace.file = file;
  trace.format = "azure";
  double first = 0;
  double last = 0;
  while (rows.next()) {
    const double date = parse_date(rows);
    if (trace.requests.empty()) first = last = date;
    if (date < last) {
      rows.fail(timestamp, fmt::format("\"{}\" goes back in time; sort the trace by TIMESTAMP",
                                       rows.text(timestamp)));
    }
    last = date;
    TraceRequest request;
    request.arrival_ms = date - first;
    if (request.arrival_ms > latest_ms) {
      rows.fail(timestamp, fmt::format("\"{}\" is over 30 years after the first; correct the row",
                                       rows.text(timestamp)));
    }
    request.input = static_cast<std::int32_t>(rows.integer(context_tokens, 1, most_tokens));
    request.output = static_cast<std::int32_t>(rows.integer(generated_tokens, 0, most_tokens));
    request.session = static_cast<std::int32_t>(trace.sessions.size());
    trace.sessions.emplace_back();
    trace.requests.push_back(request);
  }
  if (trace.requests.empty()) {
    throw InputError({file, 0, 0}, "", "holds no request; give a trace with some");
  }
  return trace;
}

}  // namespace calvo::traces
