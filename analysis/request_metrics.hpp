// What a request's dates say about it. docs/metrics.md has the definitions in words.
#pragma once

#include <optional>

#include "core/request.hpp"

namespace calvo::analysis {

/// The parts of a TTFT. They sum to it exactly: a date that is missing counts as the one before it,
/// and loading that goes on beside the prefill counts as compute.
struct Stages {
  Nanoseconds queue{0};
  Nanoseconds lookup{0};
  Nanoseconds network{0};
  Nanoseconds pcie{0};
  Nanoseconds compute{0};
};

/// Where the parts meet, ascending from the arrival to the first token: missing dates filled in,
/// overlaps cut back.
struct StageDates {
  Instant looked_up{};
  Instant load_start{};
  Instant network_done{};
  Instant loaded{};
  Instant prefill_start{};
};

/// Both require: the request has arrived and has a first token, not before that.
StageDates stage_dates_of(const RequestTimes& times);
Stages stages_of(const RequestTimes& times);

struct RequestMetrics {
  std::optional<Nanoseconds> ttft;  ///< first token - arrival
  std::optional<Nanoseconds> tpot;  ///< (e2e - ttft) / (output - 1), nearest; none for one token
  std::optional<Nanoseconds> e2e;   ///< finish - arrival
  std::optional<Stages> stages;     ///< where there is a ttft
  /// Whether its objectives were met; none if it has none, has not arrived or was cancelled. A
  /// request that was rejected or has not finished has missed them.
  std::optional<bool> slo_met;
};

/// `tpot_objective` 0: none.
RequestMetrics metrics_of(const RequestRecord& request, Nanoseconds tpot_objective);

}  // namespace calvo::analysis
