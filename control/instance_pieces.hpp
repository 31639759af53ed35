// Positions to block ids. Part of Instance; included by its source files only.
#pragma once

#include <algorithm>

#include "control/instance.hpp"

namespace calvo::control {

/// Calls `visit(piece, position)` for the runs of consecutive ids that make up positions
/// [from, to) of the request's blocks, in order, until it returns false.
template <class Visit>
void Instance::for_pieces(const RequestSpec& spec, std::int32_t from, std::int32_t to,
                          Visit visit) const {
  std::int32_t at = 0;
  for (const BlockRun& run : spec.blocks) {
    if (at >= to) return;
    const std::int32_t begin = std::max(from, at);
    const std::int32_t end = std::min(to, at + run.count);
    if (begin < end) {
      const BlockId first{raw(run.first) + static_cast<std::uint64_t>(begin - at)};
      if (!visit(BlockRun{first, end - begin}, begin)) return;
    }
    at += run.count;
  }
}

}  // namespace calvo::control
