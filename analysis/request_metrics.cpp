#include "analysis/request_metrics.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::analysis {

Stages stages_of(const RequestTimes& times) {
  CALVO_EXPECT(times.arrival != never && times.first_token != never);
  CALVO_EXPECT(times.arrival <= times.first_token);
  const auto known = [](Instant date, Instant before) { return date == never ? before : date; };
  Instant looked_up = known(times.lookup_done, times.arrival);
  Instant begun = known(times.load_start, looked_up);
  Instant landed = known(times.network_done, begun);
  Instant loaded = known(times.loaded, landed);
  Instant prefill = known(times.prefill_start, loaded);

  // Ascending, whatever overlapped: each date is cut back to the one after it, the last one first.
  prefill = std::clamp(prefill, times.arrival, times.first_token);
  loaded = std::clamp(loaded, times.arrival, prefill);
  landed = std::clamp(landed, times.arrival, loaded);
  begun = std::clamp(begun, times.arrival, landed);
  looked_up = std::clamp(looked_up, times.arrival, begun);
  return {.queue = (begun - looked_up) + (prefill - loaded),
          .lookup = looked_up - times.arrival,
          .network = landed - begun,
          .pcie = loaded - landed,
          .compute = times.first_token - prefill};
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
