#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "traces/trace.hpp"

namespace calvo::traces {

inline constexpr std::int64_t infinite_blocks = std::numeric_limits<std::int64_t>::max();

/// What one prefix cache that all requests share would have hit.
struct CacheHits {
  std::int64_t capacity = infinite_blocks;  ///< trace blocks
  std::int64_t blocks = 0;                  ///< of all prompts, a last partial one included
  std::int64_t hit_blocks = 0;
  std::int64_t tokens = 0;      ///< of all prompts
  std::int64_t hit_tokens = 0;  ///< blocks x block size, at most the prompt

  double block_ratio() const;
  double token_ratio() const;
};

/// Sends the prompts through an LRU cache of `capacity` trace blocks, in the order of the trace.
/// Per request: count the leading blocks present, then touch all its blocks, deepest first, so that
/// a prefix outlives what follows it; then evict. Cost: linear in the blocks of all prompts.
///
/// Requires: capacity > 0; 0 <= shared_prefix <= 1 (as in ClosedLoopOptions). A trace that knows no
/// contents has no blocks and no hits.
std::vector<CacheHits> simulate_lru(const Trace& trace, const std::vector<std::int64_t>& capacities,
                                    double shared_prefix);

/// Reads a list such as "1000,3000,inf". Throws InputError naming `source`.
std::vector<std::int64_t> parse_capacities(const std::string& text, const std::string& source);

}  // namespace calvo::traces
