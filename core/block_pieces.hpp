// From positions in a request's prefix to the names of its blocks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/request.hpp"

namespace calvo {

/// Calls `visit(piece, position)` for the runs of consecutive ids that make up positions
/// [from, to) of the request's blocks, in order, until it returns false; a visitor that returns
/// nothing sees them all.
template <class Visit>
void for_pieces(const RequestSpec& spec, std::int32_t from, std::int32_t to, Visit visit) {
  std::int32_t at = 0;
  for (const BlockRun& run : spec.blocks) {
    if (at >= to) return;
    const std::int32_t begin = std::max(from, at);
    const std::int32_t end = std::min(to, at + run.count);
    if (begin < end) {
      const BlockRun piece{block_of(run, begin - at), end - begin};
      if constexpr (std::is_void_v<decltype(visit(piece, begin))>) {
        visit(piece, begin);
      } else if (!visit(piece, begin)) {
        return;
      }
    }
    at += run.count;
  }
}

}  // namespace calvo
