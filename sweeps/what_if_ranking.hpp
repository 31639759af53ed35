// What each change of a what-if is worth, ranked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/mean_interval.hpp"
#include "sweeps/schedule.hpp"
#include "sweeps/what_if.hpp"

namespace calvo::sweeps {

/// One metric of a change, and what it is more than that of the scenario as it is, seed by seed.
struct Effect {
  analysis::MeanInterval mean;
  std::optional<analysis::Difference> difference;  ///< none: it has no value there
  double adjusted_p = 1;                           ///< by Holm over the changes of a kind
  bool significant() const { return difference && adjusted_p < 0.05; }
};

struct RankedChange {
  Change change;
  int rank = 0;       ///< from 1, among those of its kind
  Effect attainment;  ///< share
  Effect ttft;        ///< mean TTFT in ms
};

struct FailedChange {
  Change change;
  std::string error;  ///< of the first seed that failed
};

struct WhatIf {
  std::string scenario;
  std::string engine;
  std::vector<std::uint64_t> seeds;
  analysis::MeanInterval attainment;  ///< of the scenario as it is
  analysis::MeanInterval ttft;
  std::string bottleneck;             ///< of the most seeds; may be empty
  bool relative_deadlines = false;    ///< multiples of isolated TTFTs: here those of the scenario
                                      ///< as it is, in `calvo run` those of the changed machine
  std::vector<RankedChange> changes;  ///< resources, then switches of the engine, each by rank:
                                      ///< most attainment first, then least mean TTFT
  std::vector<FailedChange> failed;
};

/// Requires: `schedule` is that of what_if_sweep(scenario, changes, ...), and finished. Throws
/// InputError if the scenario itself failed.
WhatIf rank_changes(const WrittenOut& scenario, const std::vector<Change>& changes,
                    const Schedule& schedule);

}  // namespace calvo::sweeps
