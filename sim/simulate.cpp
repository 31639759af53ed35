#include "sim/simulate.hpp"

#include <atomic>

#include "sim/cluster.hpp"

namespace calvo::sim {
namespace {

std::atomic<World*> running{nullptr};

/// Makes a world reachable for request_stop() while it runs.
class Running {
public:
  explicit Running(World& world) { running.store(&world); }
  ~Running() { running.store(nullptr); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

WorldKind kind_of(scenarios::FlowBackend backend) {
  switch (backend) {
    case scenarios::FlowBackend::fluid:
      return WorldKind::fluid;
    case scenarios::FlowBackend::simgrid:
      return WorldKind::simgrid;
    case scenarios::FlowBackend::pure:
      return WorldKind::pure;
  }
  return WorldKind::fluid;
}

}  // namespace

RunResult simulate(scenarios::Scenario& scenario, const SimulateOptions& options) {
  if (scenario.simulation.decode == scenarios::DecodeMode::step) scenario.engine.max_leap = 1;
  const std::unique_ptr<World> world = World::create(kind_of(scenario.simulation.flow_backend));
  Cluster cluster(scenario, *world, options);
  const Running guard(*world);
  return cluster.run();
}

void request_stop() noexcept {
  if (World* world = running.load()) world->request_stop();
}

}  // namespace calvo::sim
