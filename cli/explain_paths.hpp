// The links of a run, and which of them its transfers cross.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/explain_evidence.hpp"
#include "control/commands.hpp"
#include "scenarios/scenario.hpp"
#include "sim/topology.hpp"

namespace calvo::cli {

/// Rates and set-up times of a scenario's transfers, as its simulation has them.
class ExplainPaths {
public:
  /// `scenario` outlives it.
  explicit ExplainPaths(const scenarios::Scenario& scenario);

  std::vector<analysis::ExplainLink> links() const;

  /// Says of `transfer`, which begins with `command`, what it crosses and how fast it can be.
  /// Routes are taken in turn: to be called for each transfer of a run once, in their order.
  void describe(const control::Command& command, analysis::ExplainTransfer& transfer);

private:
  static void cross(std::span<const sim::LinkId> route, double share,
                    analysis::ExplainTransfer& transfer);
  void cap_network(analysis::ExplainTransfer& transfer) const;
  void cap_pcie(analysis::ExplainTransfer& transfer) const;

  const scenarios::Scenario& scenario_;
  sim::Topology topology_;
  std::vector<std::uint64_t> fetches_, stores_;  ///< begun so far, by instance
};

}  // namespace calvo::cli
