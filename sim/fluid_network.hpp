// The fluid solver behind the FlowNetwork interface, with its dates in whole nanoseconds.
#pragma once

#include <vector>

#include "core/units.hpp"
#include "sim/fluid_solver.hpp"
#include "sim/world.hpp"

namespace calvo::sim {

/// All its dates are whole nanoseconds: a flow that the solver ends at a date t is over at the
/// nanosecond nearest to t, and frees its links then.
class FluidNetwork final : public FlowNetwork {
public:
  /// `sequence` gives each flow its place in its world's order; it outlives the network.
  explicit FluidNetwork(SequenceCounter& sequence) : sequence_(sequence) {}

  LinkId add_link(const std::string& name, double capacity) override;
  void declare_route(std::span<const LinkId>) override {}
  FlowId start(const FlowSpec& spec) override;
  void cancel(FlowId flow) override { solver_.cancel(flow); }
  void resize(FlowId flow, double total) override { solver_.resize(flow, total); }
  void set_cap(FlowId flow, double cap) override { solver_.set_cap(flow, cap); }
  void set_capacity(LinkId link, double value) override { solver_.set_capacity(link, value); }
  double moved(FlowId flow) override { return solver_.moved(flow); }
  double rate(FlowId flow) override { return solver_.rate(flow); }
  double carried(LinkId link) override { return solver_.carried(link); }
  bool exact_caps() const override { return true; }

  /// Date of the next completion, `never` if none will come by itself.
  Instant next_date();
  /// Moves the clock to `date` and appends the flows that are over by then.
  /// Requires: date <= next_date().
  void collect(Instant date, std::vector<WorldEvent>& batch);

private:
  FluidSolver solver_;
  SequenceCounter& sequence_;
};

}  // namespace calvo::sim
