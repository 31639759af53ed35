#include "sim/fluid_world.hpp"

#include <algorithm>

namespace calvo::sim {

Instant FluidWorld::next_date() {
  if (must_stop()) return never;
  return std::min(queue_.next_date(), network_.next_date());
}

void FluidWorld::step(Instant date) {
  network_.collect(date, batch_);
  deliver(date);
}

void PureWorld::do_run() {
  for (Instant date = next_date(); date != never; date = next_date()) step(date);
}

}  // namespace calvo::sim
