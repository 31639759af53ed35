// What a node counts, by its own thread and those of its fabrics, and shows to all.
#pragma once

#include <atomic>
#include <cstdint>

#include "realrun/node/node_server.hpp"

namespace calvo::realrun {

struct Tally {
  using Count = std::atomic<std::uint64_t>;

  Count connections = 0, refused_handshakes = 0, malformed_frames = 0;
  Count lookups = 0, leases = 0, leased_blocks = 0, missing_blocks = 0;
  Count stored_blocks = 0, refused_blocks = 0, evicted_blocks = 0;
  Count sent_bytes = 0, faults = 0;
  Count blocks_in_pool = 0, blocks_under_lease = 0, open_connections = 0;  ///< now

  NodeCounters counters() const {
    return {.connections = connections,
            .refused_handshakes = refused_handshakes,
            .malformed_frames = malformed_frames,
            .lookups = lookups,
            .leases = leases,
            .leased_blocks = leased_blocks,
            .missing_blocks = missing_blocks,
            .stored_blocks = stored_blocks,
            .refused_blocks = refused_blocks,
            .evicted_blocks = evicted_blocks,
            .sent_bytes = sent_bytes,
            .faults = faults};
  }
};

}  // namespace calvo::realrun
