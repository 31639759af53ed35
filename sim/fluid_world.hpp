// Worlds whose flows are computed by our own solver.
#pragma once

#include "sim/fluid_network.hpp"
#include "sim/world.hpp"

namespace calvo::sim {

/// Finds the next date and delivers it; who moves the clock there is the derived class's business.
class FluidWorld : public World {
public:
  FlowNetwork& network() final { return network_; }

protected:
  FluidWorld() : network_(sequence_) {}

  /// `never`: nothing more will happen, or run() is to end.
  Instant next_date();
  void step(Instant date);

private:
  FluidNetwork network_;
};

class PureWorld final : public FluidWorld {
private:
  void do_run() override;
};

}  // namespace calvo::sim
