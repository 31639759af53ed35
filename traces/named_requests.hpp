#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/request.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

/// A request of a trace that a run plays.
struct Played {
  std::uint32_t source = 0;    ///< index into Trace::requests
  std::int32_t previous = -1;  ///< the played request before it in its conversation, or -1
  std::int32_t session = 0;    ///< as in RequestSpec
  std::int32_t turn = 0;
};

struct NamedRequests {
  std::vector<RequestSpec> requests;  ///< in the order of `played`, ids from 0
  std::uint64_t id_limit = 0;         ///< all block ids are below
};

/// Makes requests of the played ones, with their blocks named at `engine_block` tokens and the hits
/// of an infinite pool, counted in the order given.
///
/// A request is *continued* by the next of its conversation if its full trace blocks lead that
/// one's prompt. Then the tokens beyond them, prompt tail and output, are taken to be the ones that
/// the next prompt has there; otherwise, and beyond the next prompt, they are unique.
///
/// `shared_prefix`: share of each session's shared_tokens that names the same blocks in all
/// sessions; for traces whose ids are local to a session. Requires: 0 <= shared_prefix <= 1; in a
/// closed-loop trace the requests of a session are neighbours.
NamedRequests name_requests(const Trace& trace, std::span<const Played> played, Tokens engine_block,
                            double shared_prefix);

/// Counts, for each request in order, the leading prompt blocks that are stored before or that an
/// earlier request has, and writes pool_hit_blocks. Requires: block ids below `id_limit`.
void count_pool_hits(std::span<RequestSpec> requests, std::span<const BlockRun> stored,
                     std::uint64_t id_limit);

}  // namespace calvo::traces
