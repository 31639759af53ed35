#include "analysis/summary.hpp"

#include <algorithm>

#include "analysis/request_metrics.hpp"
#include "analysis/warnings.hpp"

namespace calvo::analysis {
namespace {

double milliseconds(Nanoseconds time) {
  return static_cast<double>(time.count()) * 1e-6;
}

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

void name_bottleneck(Summary& summary) {
  for (const ResourceUse& resource : summary.resources) {
    if (resource.kind == ResourceKind::memory) continue;
    if (summary.bottleneck.empty() || resource.saturation() > summary.bottleneck_utilization) {
      summary.bottleneck = resource.name;
      summary.bottleneck_utilization = resource.saturation();
    }
  }
}

/// Sums over the measured requests, in integers so that their order does not matter.
struct Gathered {
  Instant first = never;
  Instant last{};
  std::vector<double> ttft, tpot, e2el;
  Stages stages;
};

void add_completed(const RequestRecord& request, const RequestMetrics& metrics, Summary& summary,
                   Gathered& totals) {
  summary.completed += 1;
  summary.input_tokens += request.input.count();
  summary.output_tokens += request.output.count();
  summary.cached_tokens += request.cached.count();
  if (metrics.e2e) totals.e2el.push_back(milliseconds(*metrics.e2e));
  if (metrics.tpot) totals.tpot.push_back(milliseconds(*metrics.tpot));
  if (!metrics.ttft) return;
  totals.ttft.push_back(milliseconds(*metrics.ttft));
  totals.stages.queue += metrics.stages->queue;
  totals.stages.lookup += metrics.stages->lookup;
  totals.stages.network += metrics.stages->network;
  totals.stages.pcie += metrics.stages->pcie;
  totals.stages.compute += metrics.stages->compute;
}

void add(const RequestRecord& request, Summary& summary, Gathered& totals) {
  const RequestMetrics metrics = metrics_of(request, summary.labels.tpot_objective);
  summary.measured += 1;
  totals.first = std::min(totals.first, request.times.arrival);
  if (request.times.finish != never) totals.last = std::max(totals.last, request.times.finish);
  if (metrics.slo_met) {
    summary.slo_judged += 1;
    summary.slo_met += *metrics.slo_met ? 1 : 0;
  }
  switch (request.outcome) {
    case Outcome::completed:
      add_completed(request, metrics, summary, totals);
      break;
    case Outcome::rejected:
      summary.rejected += 1;
      break;
    case Outcome::cancelled:
      summary.cancelled += 1;
      break;
    case Outcome::unfinished:
      summary.unfinished += 1;
      break;
  }
}

}  // namespace

Summary summarize(const RunResult& run, const RunLabels& labels) {
  Summary summary;
  summary.labels = labels;
  summary.complete = run.complete;
  summary.resources = run.resources;
  summary.counters = run.counters;

  Gathered totals;
  for (const RequestRecord& request : run.requests) {
    if (request.times.arrival == never) continue;
    if (request.times.arrival < Instant{labels.warm_up}) {
      summary.not_measured += 1;
    } else {
      add(request, summary, totals);
    }
  }
  if (summary.unfinished > 0) totals.last = std::max(totals.last, run.end);
  if (totals.first < totals.last) {
    summary.duration_s = to_seconds(totals.last - totals.first).count();
  }

  summary.stages_ms = {.queue = milliseconds(totals.stages.queue),
                       .lookup = milliseconds(totals.stages.lookup),
                       .network = milliseconds(totals.stages.network),
                       .pcie = milliseconds(totals.stages.pcie),
                       .compute = milliseconds(totals.stages.compute)};
  const auto with_ttft = static_cast<double>(totals.ttft.size());
  for (double* stage :
       {&summary.stages_ms.queue, &summary.stages_ms.lookup, &summary.stages_ms.network,
        &summary.stages_ms.pcie, &summary.stages_ms.compute}) {
    *stage = ratio(*stage, with_ttft);
  }
  summary.ttft = spread_of(std::move(totals.ttft));
  summary.tpot = spread_of(std::move(totals.tpot));
  summary.e2el = spread_of(std::move(totals.e2el));

  const auto met = static_cast<double>(summary.slo_met);
  if (summary.slo_judged > 0) {
    summary.slo_attainment = met / static_cast<double>(summary.slo_judged);
    summary.slo_attainment_ci95 = wilson_95(summary.slo_met, summary.slo_judged);
  }
  const auto input = static_cast<double>(summary.input_tokens);
  const auto output = static_cast<double>(summary.output_tokens);
  summary.request_throughput = ratio(static_cast<double>(summary.completed), summary.duration_s);
  summary.request_goodput = ratio(met, summary.duration_s);
  summary.output_throughput = ratio(output, summary.duration_s);
  summary.total_token_throughput = ratio(input + output, summary.duration_s);
  summary.prefix_cache_hit_ratio = ratio(static_cast<double>(summary.cached_tokens), input);
  name_bottleneck(summary);
  summary.warnings = validity_warnings(summary);
  return summary;
}

}  // namespace calvo::analysis
