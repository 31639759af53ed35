#include "sim/fluid_network.hpp"

namespace calvo::sim {
namespace {

Instant date_of(double seconds) {
  return seconds < no_cap ? instant_at(seconds) : never;
}

}  // namespace

LinkId FluidNetwork::add_link(const std::string&, double capacity) {
  return solver_.add_link(capacity);
}

FlowId FluidNetwork::start(const FlowSpec& spec) {
  return solver_.start(spec, sequence_.next());
}

Instant FluidNetwork::next_date() {
  return date_of(solver_.next_completion());
}

void FluidNetwork::collect(Instant date, std::vector<WorldEvent>& batch) {
  solver_.advance(seconds_of(date));
  while (date_of(solver_.known_completion()) <= date) {
    const FluidSolver::Completion done = solver_.pop_completion();
    batch.push_back({.source = WorldEvent::Source::flow,
                     .sequence = done.sequence,
                     .timer = {},
                     .tag = done.tag});
  }
}

}  // namespace calvo::sim
