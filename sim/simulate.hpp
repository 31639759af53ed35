// The simulator's front door.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "core/run_result.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::sim {

struct Progress {
  std::int64_t ended = 0;  ///< requests that have left
  std::int64_t total = 0;  ///< requests that the workload may send
  double simulated_s = 0;
};

struct SimulateOptions {
  /// Called now and then, not more often than every thousand events.
  std::function<void(const Progress&)> progress;
  /// Receives the event log piece by piece (control/event_log.hpp) if the scenario asks for one.
  std::function<void(std::span<const std::byte>)> event_log_sink;
};

/// Simulates the scenario from its first arrival until every request has ended, the time limit, or
/// request_stop(). Uses up the scenario's workload. The flow back ends on SimGrid allow one
/// simulation in a process: fork for more.
RunResult simulate(scenarios::Scenario& scenario, const SimulateOptions& options = {});

/// Ends the simulation under way at its next date; its result is valid and marked incomplete.
/// Async-signal-safe; does nothing when none is under way.
void request_stop() noexcept;

}  // namespace calvo::sim
