#include "analysis/sweep_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"

namespace calvo::analysis {
namespace {

using Getter = std::optional<double> (*)(const Summary&);

struct Metric {
  std::string_view name;
  Getter get;
};

template <auto Member>
std::optional<double> plain(const Summary& summary) {
  return static_cast<double>(summary.*Member);
}
template <auto Latency, auto Part>
std::optional<double> of_latency(const Summary& summary) {
  const Spread& spread = summary.*Latency;
  return spread.count > 0 ? std::optional(spread.*Part) : std::nullopt;
}
template <auto Stage>
std::optional<double> of_stage(const Summary& summary) {
  return summary.ttft.count > 0 ? std::optional(summary.stages_ms.*Stage) : std::nullopt;
}
template <auto Counter>
std::optional<double> of_counter(const Summary& summary) {
  return static_cast<double>(summary.counters.*Counter);
}

constexpr auto metrics = std::to_array<Metric>({
    {"measured", plain<&Summary::measured>},
    {"completed", plain<&Summary::completed>},
    {"rejected", plain<&Summary::rejected>},
    {"cancelled", plain<&Summary::cancelled>},
    {"unfinished", plain<&Summary::unfinished>},
    {"slo_judged", plain<&Summary::slo_judged>},
    {"slo_met", plain<&Summary::slo_met>},
    {"duration", plain<&Summary::duration_s>},
    {"request_throughput", plain<&Summary::request_throughput>},
    {"request_goodput", plain<&Summary::request_goodput>},
    {"output_throughput", plain<&Summary::output_throughput>},
    {"total_token_throughput", plain<&Summary::total_token_throughput>},
    {"prefix_cache_hit_ratio", plain<&Summary::prefix_cache_hit_ratio>},
    {"slo_attainment", [](const Summary& summary) { return summary.slo_attainment; }},
    {"mean_ttft_ms", of_latency<&Summary::ttft, &Spread::mean>},
    {"median_ttft_ms", of_latency<&Summary::ttft, &Spread::median>},
    {"std_ttft_ms", of_latency<&Summary::ttft, &Spread::std_dev>},
    {"p90_ttft_ms", of_latency<&Summary::ttft, &Spread::p90>},
    {"p95_ttft_ms", of_latency<&Summary::ttft, &Spread::p95>},
    {"p99_ttft_ms", of_latency<&Summary::ttft, &Spread::p99>},
    {"mean_tpot_ms", of_latency<&Summary::tpot, &Spread::mean>},
    {"median_tpot_ms", of_latency<&Summary::tpot, &Spread::median>},
    {"std_tpot_ms", of_latency<&Summary::tpot, &Spread::std_dev>},
    {"p90_tpot_ms", of_latency<&Summary::tpot, &Spread::p90>},
    {"p95_tpot_ms", of_latency<&Summary::tpot, &Spread::p95>},
    {"p99_tpot_ms", of_latency<&Summary::tpot, &Spread::p99>},
    {"mean_e2el_ms", of_latency<&Summary::e2el, &Spread::mean>},
    {"median_e2el_ms", of_latency<&Summary::e2el, &Spread::median>},
    {"std_e2el_ms", of_latency<&Summary::e2el, &Spread::std_dev>},
    {"p90_e2el_ms", of_latency<&Summary::e2el, &Spread::p90>},
    {"p95_e2el_ms", of_latency<&Summary::e2el, &Spread::p95>},
    {"p99_e2el_ms", of_latency<&Summary::e2el, &Spread::p99>},
    {"queue_ms", of_stage<&StageMeans::queue>},
    {"lookup_ms", of_stage<&StageMeans::lookup>},
    {"network_ms", of_stage<&StageMeans::network>},
    {"pcie_ms", of_stage<&StageMeans::pcie>},
    {"compute_ms", of_stage<&StageMeans::compute>},
    {"bottleneck_utilization", plain<&Summary::bottleneck_utilization>},
    {"preemptions", of_counter<&Counters::preemptions>},
    {"forced_releases", of_counter<&Counters::forced_releases>},
    {"fetched_blocks", of_counter<&Counters::fetched_blocks>},
    {"recomputed_blocks", of_counter<&Counters::recomputed_blocks>},
    {"reloaded_blocks", of_counter<&Counters::reloaded_blocks>},
});

constexpr auto names = [] {
  std::array<std::string_view, metrics.size()> result;
  for (std::size_t i = 0; i < metrics.size(); ++i) result[i] = metrics[i].name;
  return result;
}();

constexpr auto cell_metrics = std::to_array<std::string_view>(
    {"slo_attainment", "request_goodput", "request_throughput", "mean_ttft_ms", "median_ttft_ms",
     "p90_ttft_ms", "p95_ttft_ms", "p99_ttft_ms", "mean_tpot_ms", "mean_e2el_ms", "queue_ms",
     "lookup_ms", "network_ms", "pcie_ms", "compute_ms", "prefix_cache_hit_ratio"});

constexpr auto first_columns =
    std::to_array<std::string_view>({"point", "cell", "kind", "engine", "seed", "rate"});
constexpr auto middle_columns = std::to_array<std::string_view>({"status", "complete"});
constexpr std::string_view last_column = "bottleneck";

void append_cell(std::string& out, std::string_view text) {
  if (!out.empty() && out.back() != '\n') out += ',';
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  out += '"';
}

/// Splits the whole text of a table into records, as RFC 4180 says.
class Records {
public:
  Records(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  /// False at the end of the text.
  bool next(std::vector<std::string>& cells) {
    cells.clear();
    if (at_ >= text_.size()) return false;
    line_ += 1;
    do {
      cells.push_back(cell());
    } while (at_ < text_.size() && text_[at_] == ',' && (++at_, true));
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ >= text_.size() || text_[at_] != '\n') fail("is cut off in this line");
    ++at_;
    return true;
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError({file_, line_, 1}, "",
                     problem + "; write the tables anew with calvo sweep --resume");
  }

private:
  std::string cell() {
    std::string result;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] == '"') {
          if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
          ++at_;
        }
        result += text_[at_];
      }
      if (at_ >= text_.size()) fail("has a quote without an end");
      ++at_;
      return result;
    }
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    result = text_.substr(at_, end - at_);
    at_ = end;
    return result;
  }

  const std::string& text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 0;
};

std::optional<double> number(const std::string& text, const Records& records) {
  if (text.empty()) return std::nullopt;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) records.fail("\"" + text + "\" is no number");
  return value;
}

std::uint64_t whole(const std::string& text, const Records& records) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) records.fail("\"" + text + "\" is no seed");
  return value;
}

/// The axes of a table, from its first line; fails if that is not such a line.
std::vector<std::string> axes_of(const std::vector<std::string>& header, const Records& records) {
  constexpr std::size_t tail = middle_columns.size() + names.size() + 1;
  const std::size_t fixed = first_columns.size() + tail;
  bool good = header.size() >= fixed &&
              std::equal(first_columns.begin(), first_columns.end(), header.begin());
  if (good) {
    const auto rest = header.end() - static_cast<std::ptrdiff_t>(tail);
    const auto after = rest + static_cast<std::ptrdiff_t>(middle_columns.size());
    good = std::equal(middle_columns.begin(), middle_columns.end(), rest) &&
           std::equal(names.begin(), names.end(), after) && header.back() == last_column;
  }
  if (!good) records.fail("is no table of points of this version");
  return {header.begin() + first_columns.size(), header.end() - static_cast<std::ptrdiff_t>(tail)};
}

}  // namespace

std::span<const std::string_view> metric_names() {
  return names;
}

std::size_t metric_index(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  CALVO_EXPECT(found != names.end());
  return static_cast<std::size_t>(found - names.begin());
}

Interval possible_range(std::string_view metric) {
  const bool share = metric == "slo_attainment" || metric == "prefix_cache_hit_ratio";
  return {0, share ? 1 : std::numeric_limits<double>::infinity()};
}

std::span<const std::string_view> cell_metric_names() {
  return cell_metrics;
}

PointResult result_of(const Summary& summary) {
  PointResult result;
  result.complete = summary.complete;
  for (const Metric& metric : metrics) result.metrics.push_back(metric.get(summary));
  result.bottleneck = summary.bottleneck;
  return result;
}

std::string to_csv(const SweepTable& table) {
  std::string out;
  for (const std::string_view name : first_columns) append_cell(out, name);
  for (const std::string& key : table.axes) append_cell(out, key);
  for (const std::string_view name : middle_columns) append_cell(out, name);
  for (const std::string_view name : names) append_cell(out, name);
  append_cell(out, last_column);
  out += '\n';
  const auto text = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  for (const SweepRow& row : table.rows) {
    CALVO_EXPECT(row.settings.size() == table.axes.size());
    append_cell(out, row.point);
    append_cell(out, row.cell);
    append_cell(out, row.kind == PointKind::grid ? "grid" : "search");
    append_cell(out, row.engine);
    append_cell(out, std::to_string(row.seed));
    append_cell(out, text(row.rate));
    for (const std::string& setting : row.settings) append_cell(out, setting);
    append_cell(out, row.result ? "done" : "failed");
    append_cell(out, row.result ? (row.result->complete ? "1" : "0") : "");
    for (std::size_t i = 0; i < names.size(); ++i) {
      append_cell(out, row.result ? text(row.result->metrics[i]) : "");
    }
    append_cell(out, row.result ? row.result->bottleneck : "");
    out += '\n';
  }
  return out;
}

SweepTable read_sweep_table(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    throw InputError({path, 0, 0}, "",
                     "cannot be read; finish the sweep with calvo sweep --resume");
  }
  Records records(*text, path);
  std::vector<std::string> cells;
  if (!records.next(cells)) throw InputError({path, 0, 0}, "", "is empty; run the sweep again");
  SweepTable table;
  table.axes = axes_of(cells, records);
  const std::size_t columns = cells.size();
  while (records.next(cells)) {
    if (cells.size() != columns) records.fail("has another number of cells than the first line");
    SweepRow row;
    row.point = cells[0];
    row.cell = cells[1];
    row.kind = cells[2] == "search" ? PointKind::search : PointKind::grid;
    row.engine = cells[3];
    row.seed = whole(cells[4], records);
    row.rate = number(cells[5], records);
    std::size_t at = first_columns.size();
    for (std::size_t i = 0; i < table.axes.size(); ++i) row.settings.push_back(cells[at++]);
    if (cells[at] != "done" && cells[at] != "failed") records.fail("has no status");
    if (cells[at] == "done") {
      PointResult result;
      result.complete = cells[at + 1] == "1";
      at += middle_columns.size();
      for (std::size_t i = 0; i < names.size(); ++i) {
        result.metrics.push_back(number(cells[at++], records));
      }
      result.bottleneck = cells[at];
      row.result = std::move(result);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace calvo::analysis
