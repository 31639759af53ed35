#include "core/parse.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <fmt/format.h>

namespace calvo {
namespace {

// Value = number * times / over: both exact, so that 361 ms is the double nearest to 0.361 s.
struct Unit {
  std::string_view name;
  double times = 1;
  double over = 1;
};

constexpr Unit byte_units[] = {{"B"},           {"kB", 1e3},     {"MB", 1e6},
                               {"GB", 1e9},     {"TB", 1e12},    {"KiB", 0x1p10},
                               {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
constexpr Unit rate_units[] = {{"B/s"},
                               {"kB/s", 1e3},
                               {"MB/s", 1e6},
                               {"GB/s", 1e9},
                               {"TB/s", 1e12},
                               {"KiB/s", 0x1p10},
                               {"MiB/s", 0x1p20},
                               {"GiB/s", 0x1p30},
                               {"Mbit/s", 1e6, 8},
                               {"Gbit/s", 1e9, 8},
                               {"Tbit/s", 1e12, 8}};
constexpr Unit flop_units[] = {{"flop/s"}, {"Gflop/s", 1e9}, {"Tflop/s", 1e12}, {"Pflop/s", 1e15}};
constexpr Unit frequency_units[] = {{"/s"}, {"/min", 1, 60}, {"/h", 1, 3600}};
constexpr Unit time_units[] = {{"ns", 1, 1e9}, {"us", 1, 1e6}, {"ms", 1, 1e3},
                               {"s"},          {"min", 60},    {"h", 3600}};

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

[[noreturn]] void refuse(const std::string& problem) {
  throw std::invalid_argument(problem);
}

std::string list_of(std::span<const Unit> units) {
  std::string names;
  for (const Unit& unit : units) names += (names.empty() ? "" : ", ") + std::string(unit.name);
  return "(one of: " + names + ")";
}

// The number that `text` begins with; `rest` is what follows it, without spaces.
double leading_number(const std::string& text, const std::string& expected,
                      std::string_view& rest) {
  std::string_view body = text;
  const bool not_finite = body == ".nan" || body == ".NaN" || body == ".NAN" ||
                          body.ends_with(".inf") || body.ends_with(".Inf") ||
                          body.ends_with(".INF");
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (not_finite || error == std::errc::result_out_of_range ||
      (error == std::errc{} && !std::isfinite(number))) {
    refuse(in_quotes(text) + " is not a finite number (expected " + expected + ")");
  }
  if (error != std::errc{})
    refuse(in_quotes(text) + " is not a number (expected " + expected + ")");
  rest = std::string_view(stop, static_cast<std::size_t>(end - stop));
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return number;
}

double parse_quantity(const std::string& text, std::span<const Unit> units,
                      const std::string& expected) {
  std::string_view suffix;
  const double number = leading_number(text, expected, suffix);
  if (suffix.empty()) refuse("missing unit in " + in_quotes(text) + " " + list_of(units));
  for (const Unit& unit : units) {
    if (unit.name != suffix) continue;
    if (number < 0) refuse(in_quotes(text) + " is negative (expected " + expected + ")");
    const double value = number * unit.times / unit.over;
    if (!std::isfinite(value)) refuse(in_quotes(text) + " is too large");
    return value;
  }
  refuse("unknown unit " + in_quotes(suffix) + " in " + in_quotes(text) + " " + list_of(units));
}

// The text that parses to exactly `value` and reads best: a number from 1 on, without an exponent,
// short; among equals the larger unit. Zero has the unit itself ("0 s").
std::string quantity_text(double value, std::span<const Unit> units) {
  std::string best;
  std::tuple<bool, bool, std::size_t> best_rank;
  for (const Unit& unit : units) {
    const double number = value * unit.over / unit.times;
    if (number * unit.times / unit.over != value) continue;
    if (value == 0 && unit.times != unit.over) continue;
    const std::string text = fmt::format("{} {}", number, unit.name);
    const std::tuple rank{text.find('e') < text.find(' '), number < 1, text.size()};
    if (best.empty() || rank <= best_rank) {
      best = text;
      best_rank = rank;
    }
  }
  return best;
}

template <class Integer>
Integer parse_integer(const std::string& text) {
  Integer number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) {
    refuse(fmt::format("\"{}\" is out of range (expected a whole number of at most {})", text,
                       std::numeric_limits<Integer>::max()));
  }
  if (error != std::errc{} || stop != end || text.empty()) {
    refuse(in_quotes(text) + " is not a whole number" +
           (std::is_unsigned_v<Integer> ? " of 0 or more" : ""));
  }
  return number;
}

}  // namespace

template <>
std::string parse_as<std::string>(const std::string& text) {
  return text;
}

template <>
bool parse_as<bool>(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  refuse(in_quotes(text) + " is neither \"true\" nor \"false\"");
}

template <>
std::int32_t parse_as<std::int32_t>(const std::string& text) {
  return parse_integer<std::int32_t>(text);
}

template <>
std::int64_t parse_as<std::int64_t>(const std::string& text) {
  return parse_integer<std::int64_t>(text);
}

template <>
std::uint64_t parse_as<std::uint64_t>(const std::string& text) {
  return parse_integer<std::uint64_t>(text);
}

template <>
double parse_as<double>(const std::string& text) {
  std::string_view rest;
  const double number = leading_number(text, "a plain number like 0.5", rest);
  if (!rest.empty()) refuse(in_quotes(text) + " has a unit (expected a plain number like 0.5)");
  return number;
}

template <>
Share parse_as<Share>(const std::string& text) {
  const std::string expected = "a share like 0.75 or 75 %";
  std::string_view rest;
  double number = leading_number(text, expected, rest);
  if (rest == "%") {
    number /= 100;
  } else if (!rest.empty()) {
    refuse("unknown unit " + in_quotes(rest) + " in " + in_quotes(text) + " (expected " + expected +
           ")");
  }
  if (number < 0 || number > 1) {
    refuse(in_quotes(text) + " is outside 0 to 1 (expected " + expected + ")");
  }
  return {number};
}

template <>
Bytes parse_as<Bytes>(const std::string& text) {
  const double value = parse_quantity(text, byte_units, "a size like 64 GiB");
  if (value >= 0x1p62) refuse(in_quotes(text) + " is too large");
  return Bytes{std::llround(value)};
}

template <>
BytesPerSecond parse_as<BytesPerSecond>(const std::string& text) {
  return BytesPerSecond{parse_quantity(text, rate_units, "a rate like 400 Gbit/s")};
}

template <>
FlopsPerSecond parse_as<FlopsPerSecond>(const std::string& text) {
  return FlopsPerSecond{parse_quantity(text, flop_units, "a rate like 989 Tflop/s")};
}

template <>
PerSecond parse_as<PerSecond>(const std::string& text) {
  return PerSecond{parse_quantity(text, frequency_units, "a rate like 1.2 /s")};
}

template <>
Seconds parse_as<Seconds>(const std::string& text) {
  const Seconds time{parse_quantity(text, time_units, "a time like 2.5 ms")};
  if (time > longest_run) {
    refuse(in_quotes(text) + " is longer than the longest run, " + longest_run_text);
  }
  return time;
}

template <>
Tokens parse_as<Tokens>(const std::string& text) {
  std::string number = text;
  if (number.ends_with("tok")) {
    number.resize(number.size() - 3);
    while (number.ends_with(' ')) number.pop_back();
  }
  std::int64_t count = 0;
  try {
    count = parse_integer<std::int64_t>(number);
  } catch (const std::invalid_argument&) {
    refuse(in_quotes(text) + " is not a whole number of tokens (expected a number like 512)");
  }
  if (count < 0) refuse(in_quotes(text) + " is negative (expected a number of tokens like 512)");
  return Tokens{count};
}

std::string to_text(const std::string& value) {
  return value;
}
std::string to_text(bool value) {
  return value ? "true" : "false";
}
std::string to_text(std::int32_t value) {
  return std::to_string(value);
}
std::string to_text(std::int64_t value) {
  return std::to_string(value);
}
std::string to_text(std::uint64_t value) {
  return std::to_string(value);
}
std::string to_text(double value) {
  return fmt::format("{}", value);
}
std::string to_text(Share value) {
  return fmt::format("{}", value.value);
}
std::string to_text(Bytes value) {
  if (value.count() > (std::int64_t{1} << 53)) return std::to_string(value.count()) + " B";
  return quantity_text(static_cast<double>(value.count()), byte_units);
}
std::string to_text(BytesPerSecond value) {
  return quantity_text(value.count(), std::span(rate_units).first(8));  // in bytes, not bits
}
std::string to_text(FlopsPerSecond value) {
  return quantity_text(value.count(), flop_units);
}
std::string to_text(PerSecond value) {
  return quantity_text(value.count(), frequency_units);
}
std::string to_text(Seconds value) {
  return quantity_text(value.count(), time_units);
}
std::string to_text(Tokens value) {
  return std::to_string(value.count());
}

}  // namespace calvo
