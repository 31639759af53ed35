#include "analysis/requests_csv.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "analysis/output_file.hpp"
#include "analysis/request_metrics.hpp"
#include "core/gzip_lines.hpp"

namespace calvo::analysis {
namespace {

constexpr std::string_view header =
    "request_id,session_id,turn,instance,arrival_s,input_tokens,cached_tokens,output_tokens,"
    "ttft_s,tpot_s,e2e_s,deadline_s,slo_met,queue_s,lookup_s,network_s,pcie_s,compute_s,outcome,"
    "reject_reason,preemptions,isolated_ttft_s";
constexpr std::size_t columns = 22;
// Of the columns that are read back.
enum Column : std::size_t {
  request_id = 0,
  session_id = 1,
  turn = 2,
  instance = 3,
  arrival_s = 4,
  input_tokens = 5,
  cached_tokens = 6,
  output_tokens = 7,
  ttft_s = 8,
  e2e_s = 10,
  deadline_s = 11,
  slo_met = 12,
  queue_s = 13,  // and the four other stages behind it
  outcome = 18
};

void append_cell(fmt::memory_buffer& out, const std::optional<Nanoseconds>& time) {
  if (time) append_seconds(out, *time);
  out.push_back(',');
}

void append_row(fmt::memory_buffer& out, const RequestRecord& request,
                const RequestMetrics& metrics) {
  fmt::format_to(std::back_inserter(out), "{},{},{},{},", raw(request.id), raw(request.session),
                 request.turn, raw(request.instance));
  append_cell(out, request.times.arrival.time_since_epoch());
  fmt::format_to(std::back_inserter(out), "{},{},{},", request.input.count(),
                 request.cached.count(), request.output.count());
  append_cell(out, metrics.ttft);
  append_cell(out, metrics.tpot);
  append_cell(out, metrics.e2e);
  append_cell(out, request.deadline == Nanoseconds::max() ? std::optional<Nanoseconds>()
                                                          : request.deadline);
  if (metrics.slo_met) out.push_back(*metrics.slo_met ? '1' : '0');
  out.push_back(',');
  if (metrics.stages) {
    const Stages& stages = *metrics.stages;
    for (const Nanoseconds stage :
         {stages.queue, stages.lookup, stages.network, stages.pcie, stages.compute}) {
      append_cell(out, stage);
    }
  } else {
    out.append(std::string_view(",,,,,"));
  }
  fmt::format_to(std::back_inserter(out), "{},{},{},", name_of(request.outcome),
                 name_of(request.reason), request.preemptions);
  if (request.isolated_ttft > Nanoseconds{0}) append_seconds(out, request.isolated_ttft);
  out.push_back('\n');
}

std::array<std::string_view, columns> split(const LineReader& reader) {
  std::array<std::string_view, columns> cells;
  std::string_view rest = reader.line();
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t comma = rest.find(',');
    const bool last = i + 1 == columns;
    if (last != (comma == std::string_view::npos)) {
      throw InputError(
          reader.pos(), "",
          fmt::format("a row of {} cells is expected; run the scenario again", columns));
    }
    cells[i] = rest.substr(0, comma);
    if (!last) rest.remove_prefix(comma + 1);
  }
  return cells;
}

template <class T>
T number(const LineReader& reader, std::string_view name, std::string_view cell) {
  T value{};
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) {
    throw InputError(reader.pos(static_cast<std::size_t>(cell.data() - reader.line().data())),
                     std::string(name),
                     fmt::format("\"{}\" is not a number; run the scenario again", cell));
  }
  return value;
}

double seconds(const LineReader& reader, std::string_view name, std::string_view cell) {
  const auto value = number<double>(reader, name, cell);
  if (std::isfinite(value) && value >= 0) return value;
  throw InputError(
      reader.pos(static_cast<std::size_t>(cell.data() - reader.line().data())), std::string(name),
      fmt::format("\"{}\" is no time, which is finite and not negative; run the scenario again",
                  cell));
}

std::optional<double> optional_seconds(const LineReader& reader, std::string_view name,
                                       std::string_view cell) {
  if (cell.empty()) return std::nullopt;
  return seconds(reader, name, cell);
}

Outcome outcome_of(const LineReader& reader, std::string_view cell) {
  for (const Outcome known :
       {Outcome::completed, Outcome::rejected, Outcome::cancelled, Outcome::unfinished}) {
    if (cell == name_of(known)) return known;
  }
  throw InputError(reader.pos(static_cast<std::size_t>(cell.data() - reader.line().data())),
                   "outcome", fmt::format("\"{}\" is none; run the scenario again", cell));
}

std::optional<bool> judgement(const LineReader& reader, std::string_view cell) {
  if (cell.empty()) return std::nullopt;
  if (cell == "0" || cell == "1") return cell == "1";
  throw InputError(reader.pos(static_cast<std::size_t>(cell.data() - reader.line().data())),
                   "slo_met",
                   fmt::format("\"{}\" is neither 0 nor 1; run the scenario again", cell));
}

}  // namespace

void write_requests_csv(const std::string& path, const RunResult& run, const RunLabels& labels) {
  OutputFile file(path);
  file.buffer().append(header);
  file.buffer().push_back('\n');
  for (const RequestRecord& request : run.requests) {
    if (request.times.arrival == never) continue;
    append_row(file.buffer(), request, metrics_of(request, labels.tpot_objective));
    file.flush_if_large();
  }
  file.close();
}

std::vector<RequestRow> read_requests_csv(const std::string& path) {
  LineReader reader(path);
  if (!reader.next() || reader.line() != header) {
    throw InputError({path, 1, 1}, "", "is not a table of requests as `calvo run` writes it");
  }
  std::vector<RequestRow> rows;
  while (reader.next()) {
    const auto cells = split(reader);
    RequestRow row;
    row.id = number<std::uint64_t>(reader, "request_id", cells[request_id]);
    row.session = number<std::uint64_t>(reader, "session_id", cells[session_id]);
    row.turn = number<std::int64_t>(reader, "turn", cells[turn]);
    row.input_tokens = number<std::int64_t>(reader, "input_tokens", cells[input_tokens]);
    row.arrival_s = seconds(reader, "arrival_s", cells[arrival_s]);
    row.ttft_s = optional_seconds(reader, "ttft_s", cells[ttft_s]);
    row.deadline_s = optional_seconds(reader, "deadline_s", cells[deadline_s]);
    if (!cells[queue_s].empty()) {
      row.stages_s.emplace();
      for (std::size_t i = 0; i < row.stages_s->size(); ++i) {
        (*row.stages_s)[i] = seconds(reader, stage_columns[i], cells[queue_s + i]);
      }
    }
    row.outcome = outcome_of(reader, cells[outcome]);
    row.instance = number<std::int64_t>(reader, "instance", cells[instance]);
    row.cached_tokens = number<std::int64_t>(reader, "cached_tokens", cells[cached_tokens]);
    row.output_tokens = number<std::int64_t>(reader, "output_tokens", cells[output_tokens]);
    row.e2e_s = optional_seconds(reader, "e2e_s", cells[e2e_s]);
    row.slo_met = judgement(reader, cells[slo_met]);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace calvo::analysis
