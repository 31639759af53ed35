// Where requests come from during a run. A workload sits beside the driver: it says which arrivals
// are known from the start and, when a request has left the system, which ones follow.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/request.hpp"

namespace calvo::traces {

/// An arrival that is certain to happen at `at`.
struct Due {
  Instant at{};
  const RequestSpec* request = nullptr;
};

/// Deterministic: the same calls give the same arrivals. Owns its requests, which stay in place.
class Workload {
public:
  virtual ~Workload() = default;

  /// Every request that the run may see, by id from 0. Deadlines and isolated TTFTs are written
  /// through this before the run starts; arrivals of closed-loop requests are written when emitted.
  virtual std::span<RequestSpec> requests() = 0;

  /// The arrivals known before anything has run, in (date, id) order. Called once.
  virtual std::vector<Due> start() = 0;

  /// `request` has finished (or was rejected or cancelled) at `now`: appends the arrivals that this
  /// makes certain, each not before `now`.
  virtual void finished(const RequestSpec& request, Instant now, std::vector<Due>& out) = 0;

  /// The blocks that lie in the remote pool before the run starts, least recently used first.
  virtual std::vector<BlockRun> initially_stored() const { return {}; }
};

}  // namespace calvo::traces
