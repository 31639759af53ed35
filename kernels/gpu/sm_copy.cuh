#pragma once

#include "kernels/gpu/simt.hpp"
#include "kernels/gpu/sm_copy.hpp"

namespace calvo::kernels::gpu {

inline constexpr int sm_copy_threads = 512;
inline constexpr int sm_copy_unroll = 8;
/// Words that a warp has under way at a time.
inline constexpr std::int64_t sm_copy_segment = 32 * sm_copy_unroll;
static_assert(sm_copy_threads / 32 * sm_copy_segment * 16 == sm_copy_bytes_in_flight);

constexpr std::int64_t sm_copy_segments(const SmCopy& args) {
  return (args.size.count() / 16 + sm_copy_segment - 1) / sm_copy_segment;
}
constexpr simt::LaunchShape sm_copy_shape(const SmCopy& args) {
  constexpr std::int64_t warps = sm_copy_threads / 32;
  const std::int64_t useful = (args.count * sm_copy_segments(args) + warps - 1) / warps;
  return {useful < args.thread_blocks ? useful : args.thread_blocks, sm_copy_threads, 0};
}

/// Warps take segments of pieces in turn.
CALVO_DEVICE void sm_copy_segments_of_warp(const SmCopy& args) {
  const int lane = simt::thread_index() % 32;
  const std::int64_t size = args.size.count() / 16;
  const std::int64_t segments = sm_copy_segments(args);
  const std::int64_t all = args.count * segments;
  constexpr std::int64_t warps = sm_copy_threads / 32;
  for (std::int64_t i = simt::block_index() * warps + simt::thread_index() / 32; i < all;
       i += simt::block_count() * warps) {
    const CopyPiece piece = args.pieces[i / segments];
    const auto* from = reinterpret_cast<const simt::Word*>(piece.from);
    auto* to = reinterpret_cast<simt::Word*>(piece.to);
    const std::int64_t first = i % segments * sm_copy_segment + lane;
    simt::Word held[sm_copy_unroll] = {};
    CALVO_UNROLL
    for (int n = 0; n < sm_copy_unroll; ++n) {
      if (first + n * 32 < size) held[n] = simt::load_streamed(from + first + n * 32);
    }
    CALVO_UNROLL
    for (int n = 0; n < sm_copy_unroll; ++n) {
      if (first + n * 32 < size) simt::store_streamed(to + first + n * 32, held[n]);
    }
  }
}

}  // namespace calvo::kernels::gpu
