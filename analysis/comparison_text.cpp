#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/comparison.hpp"
#include "analysis/text_summary.hpp"

namespace calvo::analysis {
namespace {

using Row = TextTable::Row;

/// A duration with the digits that matter: "87.3 ms", "12.41 s".
std::string duration(double milliseconds) {
  if (std::abs(milliseconds) < 1000) return fmt::format("{:.1f} ms", milliseconds);
  return fmt::format("{:.2f} s", milliseconds / 1000);
}

std::string latency(const Spread& spread, double value) {
  return spread.count > 0 ? duration(value) : "-";
}

/// Whether a run has gaps between tokens to measure: prefill-only runs have none.
bool decodes(const Comparison& comparison) {
  return std::ranges::any_of(comparison.runs, [](const ComparedRun& compared) {
    return compared.run.summary.tpot.count > 0;
  });
}

Row heading(bool with_decode) {
  Row row = {"run", "mean TTFT", "p50", "p99"};
  if (with_decode) row.emplace_back("mean TPOT");
  for (const char* name : {"attainment [95 %]", "hits", "good req/s"}) row.emplace_back(name);
  if (with_decode) row.emplace_back("out tok/s");
  row.emplace_back("bottleneck");
  return row;
}

Row measures_of(const ComparedRun& compared, bool with_decode) {
  const Summary& summary = compared.run.summary;
  Row row = {compared.name + (summary.complete ? "" : " (incomplete)"),
             latency(summary.ttft, summary.ttft.mean), latency(summary.ttft, summary.ttft.median),
             latency(summary.ttft, summary.ttft.p99)};
  if (with_decode) row.push_back(latency(summary.tpot, summary.tpot.mean));
  row.push_back(attainment_text(summary));
  row.push_back(fmt::format("{:.1f} %", 100 * summary.prefix_cache_hit_ratio));
  row.push_back(fmt::format("{:.3f}", summary.request_goodput));
  if (with_decode) row.push_back(fmt::format("{:.0f}", summary.output_throughput));
  row.push_back(summary.bottleneck.empty() ? "-"
                                           : fmt::format("{} ({:.0f} %)", summary.bottleneck,
                                                         100 * summary.bottleneck_utilization));
  return row;
}

Row difference_of(const ComparedRun& compared) {
  const PairedDifference& difference = *compared.ttft_vs_first;
  return {
      compared.name,
      fmt::format("{}{}", difference.mean_ms > 0 ? "+" : "", duration(difference.mean_ms)),
      fmt::format("[{}, {}]", duration(difference.ci95_ms.low), duration(difference.ci95_ms.high)),
      fmt::format("over {} requests", difference.pairs)};
}

/// What runs say against their own numbers, in short: what each sentence is about, and which runs.
void append_validity(fmt::memory_buffer& out, const Comparison& comparison) {
  std::vector<std::pair<std::string, std::vector<std::string>>> runs_by_subject;
  for (const ComparedRun& compared : comparison.runs) {
    for (const std::string& warning : compared.run.summary.warnings) {
      const std::string subject = warning.substr(0, warning.find(':'));
      auto entry = std::ranges::find(runs_by_subject, subject,
                                     [](const auto& known) { return known.first; });
      if (entry == runs_by_subject.end()) {
        entry = runs_by_subject.insert(entry, {subject, {}});
      }
      entry->second.push_back(compared.name);
    }
  }
  if (runs_by_subject.empty()) return;
  fmt::format_to(std::back_inserter(out), "\nThese numbers need care (why: summary.json):\n");
  for (const auto& [subject, runs] : runs_by_subject) {
    fmt::format_to(std::back_inserter(out), "{}: {}\n", subject, fmt::join(runs, ", "));
  }
}

}  // namespace

std::string to_text(const Comparison& comparison, TableFormat format) {
  const bool with_decode = decodes(comparison);
  std::vector<Row> measures = {heading(with_decode)};
  std::vector<Row> differences;
  for (const ComparedRun& compared : comparison.runs) {
    measures.push_back(measures_of(compared, with_decode));
    if (compared.ttft_vs_first) differences.push_back(difference_of(compared));
  }
  fmt::memory_buffer out;
  out.append(render({measures}, format));
  if (!differences.empty() && format != TableFormat::csv) {
    if (format != TableFormat::text) {
      differences.insert(differences.begin(),
                         {"run", "mean TTFT against the first", "[95 %]", "requests"});
    }
    fmt::format_to(std::back_inserter(out),
                   "\nTTFT against {}, paired by request, with a 95 % bootstrap interval over "
                   "sessions:\n",
                   comparison.runs.front().name);
    out.append(render({differences}, format));
  }
  if (format == TableFormat::csv) return fmt::to_string(out);
  append_validity(out, comparison);
  for (const std::string& warning : comparison.warnings) {
    fmt::format_to(std::back_inserter(out), "warning: {}\n", warning);
  }
  return fmt::to_string(out);
}

}  // namespace calvo::analysis
