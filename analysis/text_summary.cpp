#include "analysis/text_summary.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

namespace calvo::analysis {
namespace {

constexpr int width = 60;
constexpr std::size_t shown_resources = 12;
constexpr int bar_width = 20;

using Text = fmt::memory_buffer;

void heading(Text& out, std::string_view title, char line) {
  const int rest = width - static_cast<int>(title.size());
  const std::string left(static_cast<std::size_t>(rest / 2), line);
  const std::string right(static_cast<std::size_t>(rest - rest / 2), line);
  fmt::format_to(std::back_inserter(out), "{}{}{}\n", left, title, right);
}

template <class T>
void row(Text& out, std::string_view label, const T& value) {
  fmt::format_to(std::back_inserter(out), "{:<44}{}\n", label, value);
}

std::string two_decimals(double value) {
  return fmt::format("{:.2f}", value);
}

void latency(Text& out, std::string_view title, std::string_view name, const Spread& spread) {
  heading(out, title, '-');
  const auto line = [&](std::string_view statistic, double value) {
    row(out, fmt::format("{} {} (ms):", statistic, name),
        spread.count > 0 ? two_decimals(value) : std::string("-"));
  };
  line("Mean", spread.mean);
  line("Median", spread.median);
  line("P90", spread.p90);
  line("P95", spread.p95);
  line("P99", spread.p99);
}

std::string bar(double share) {
  const int full = std::clamp(static_cast<int>(std::lround(share * bar_width)), 0, bar_width);
  return std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(bar_width - full), '.');
}

void stages(Text& out, const Summary& summary) {
  heading(out, "Where the mean TTFT goes", '-');
  const auto line = [&](std::string_view name, double time) {
    const double share = summary.ttft.mean > 0 ? time / summary.ttft.mean : 0;
    row(out, fmt::format("{} (ms):", name),
        fmt::format("{:<10.2f} {} {:5.1f} %", time, bar(share), 100 * share));
  };
  line("Queue", summary.stages_ms.queue);
  line("Lookup", summary.stages_ms.lookup);
  line("Network load", summary.stages_ms.network);
  line("PCIe load", summary.stages_ms.pcie);
  line("Compute", summary.stages_ms.compute);
}

void resources(Text& out, const Summary& summary) {
  std::vector<const ResourceUse*> by_use;
  for (const ResourceUse& resource : summary.resources) by_use.push_back(&resource);
  std::ranges::stable_sort(by_use, [](const ResourceUse* a, const ResourceUse* b) {
    const bool a_memory = a->kind == ResourceKind::memory;
    const bool b_memory = b->kind == ResourceKind::memory;
    if (a_memory != b_memory) return b_memory;
    return a->utilization > b->utilization;
  });
  heading(out, "Utilisation of resources", '-');
  for (std::size_t i = 0; i < std::min(by_use.size(), shown_resources); ++i) {
    const ResourceUse& resource = *by_use[i];
    row(out, resource.name,
        fmt::format("{:<10} {} {:5.1f} %",
                    resource.kind == ResourceKind::memory ? "filled" : "busy",
                    bar(resource.utilization), 100 * resource.utilization));
  }
  if (by_use.size() > shown_resources) {
    fmt::format_to(std::back_inserter(out), "({} more in summary.json)\n",
                   by_use.size() - shown_resources);
  }
  if (!summary.bottleneck.empty()) {
    row(out, "Bottleneck:",
        fmt::format("{} ({:.1f} %)", summary.bottleneck, 100 * summary.bottleneck_utilization));
  }
}

}  // namespace

std::string attainment_text(const Summary& summary) {
  if (!summary.slo_attainment) return "-";
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * *summary.slo_attainment,
                     100 * summary.slo_attainment_ci95.low, 100 * summary.slo_attainment_ci95.high);
}

std::string to_text(const Summary& summary) {
  Text out;
  heading(out, summary.complete ? " Serving Benchmark Result " : " Serving Result, INCOMPLETE ",
          '=');
  row(out, "Scenario:", summary.labels.scenario);
  row(out, "Engine:", summary.labels.engine);
  row(out, "Seed:", summary.labels.seed);
  row(out, "Successful requests:", summary.completed);
  row(out, "Rejected requests:", summary.rejected);
  if (summary.cancelled > 0) row(out, "Cancelled requests:", summary.cancelled);
  if (summary.unfinished > 0) row(out, "Unfinished requests:", summary.unfinished);
  if (summary.not_measured > 0) row(out, "Warm-up requests (not measured):", summary.not_measured);
  row(out, "Benchmark duration (s):", two_decimals(summary.duration_s));
  row(out, "Total input tokens:", summary.input_tokens);
  row(out, "Total generated tokens:", summary.output_tokens);
  row(out, "Request throughput (req/s):", two_decimals(summary.request_throughput));
  row(out, "Request goodput (req/s):", two_decimals(summary.request_goodput));
  row(out, "Output token throughput (tok/s):", two_decimals(summary.output_throughput));
  row(out, "Total token throughput (tok/s):", two_decimals(summary.total_token_throughput));
  row(out, "Prefix cache hit ratio (tokens):",
      fmt::format("{:.1f} %", 100 * summary.prefix_cache_hit_ratio));
  row(out, "SLO attainment [95 % interval]:", attainment_text(summary));
  latency(out, "Time to First Token", "TTFT", summary.ttft);
  stages(out, summary);
  latency(out, "Time per Output Token (excl. 1st token)", "TPOT", summary.tpot);
  latency(out, "End-to-end Latency", "E2EL", summary.e2el);
  resources(out, summary);
  for (const std::string& warning : summary.warnings) {
    fmt::format_to(std::back_inserter(out), "warning: {}\n", warning);
  }
  out.append(std::string(width, '=') + "\n");
  return fmt::to_string(out);
}

}  // namespace calvo::analysis
