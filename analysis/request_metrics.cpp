#include "analysis/request_metrics.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::analysis {

StageDates stage_dates_of(const RequestTimes& times) {
  CALVO_EXPECT(times.arrival != never && times.first_token != never);
  CALVO_EXPECT(times.arrival <= times.first_token);
  const auto known = [](Instant date, Instant before) { return date == never ? before : date; };
  StageDates dates;
  dates.looked_up = known(times.lookup_done, times.arrival);
  dates.load_start = known(times.load_start, dates.looked_up);
  dates.network_done = known(times.network_done, dates.load_start);
  dates.loaded = known(times.loaded, dates.network_done);
  dates.prefill_start = known(times.prefill_start, dates.loaded);

  // Each date is cut back to the one after it, the last one first.
  Instant next = times.first_token;
  for (Instant* date : {&dates.prefill_start, &dates.loaded, &dates.network_done, &dates.load_start,
                        &dates.looked_up}) {
    *date = next = std::clamp(*date, times.arrival, next);
  }
  return dates;
}

Stages stages_of(const RequestTimes& times) {
  const StageDates dates = stage_dates_of(times);
  return {.queue = (dates.load_start - dates.looked_up) + (dates.prefill_start - dates.loaded),
          .lookup = dates.looked_up - times.arrival,
          .network = dates.network_done - dates.load_start,
          .pcie = dates.loaded - dates.network_done,
          .compute = times.first_token - dates.prefill_start};
}

RequestMetrics metrics_of(const RequestRecord& request, Nanoseconds tpot_objective) {
  RequestMetrics metrics;
  const RequestTimes& times = request.times;
  if (times.arrival == never) return metrics;
  if (times.first_token != never) {
    metrics.ttft = times.first_token - times.arrival;
    metrics.stages = stages_of(times);
  }
  if (request.outcome == Outcome::completed && times.finish != never) {
    metrics.e2e = times.finish - times.arrival;
    const std::int64_t gaps = request.output.count() - 1;
    if (metrics.ttft && gaps > 0) {
      const std::int64_t decode = (*metrics.e2e - *metrics.ttft).count();
      metrics.tpot = Nanoseconds{(decode + gaps / 2) / gaps};
    }
  }

  const bool has_deadline = request.deadline != Nanoseconds::max();
  const bool has_tpot = tpot_objective > Nanoseconds{0};
  if ((has_deadline || has_tpot) && request.outcome != Outcome::cancelled) {
    metrics.slo_met = request.outcome == Outcome::completed && metrics.ttft &&
                      (!has_deadline || *metrics.ttft <= request.deadline) &&
                      (!has_tpot || !metrics.tpot || *metrics.tpot <= tpot_objective);
  }
  return metrics;
}

}  // namespace calvo::analysis
