// When a step ends whose layers wait for their KV: compute of a layer overlaps the copy of the
// next.
#pragma once

#include <algorithm>
#include <span>

#include "core/units.hpp"

namespace calvo::sim {

/// Layer i can begin when its KV has arrived at `ready[i]` and layer i-1 has ended:
///
///   end_i = max(ready_i, end_{i-1}) + per_layer,   end_{-1} = start
///
/// All times since the same date. Returns the end of the last layer; `start` if there are none.
inline Seconds last_layer_end(std::span<const Seconds> ready, Seconds start, Seconds per_layer) {
  Seconds end = start;
  for (const Seconds at : ready) end = std::max(at, end) + per_layer;
  return end;
}

/// The same for `layers` >= 1 arrivals at a constant rate from `first_ready` to `last_ready`: the
/// pipeline is held up by its first layer, by its last, or by its own work.
inline Seconds last_layer_end(Seconds first_ready, Seconds last_ready, int layers, Seconds start,
                              Seconds per_layer) {
  return std::max(std::max(first_ready, start) + layers * per_layer, last_ready + per_layer);
}

}  // namespace calvo::sim
