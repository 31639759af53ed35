#pragma once

#include <cstddef>
#include <cstdint>

#include "core/units.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

struct CopyPiece {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
};

/// Copies many pieces of one size by multiprocessors instead of the copy engine: where pieces are
/// so small that the engine's cost for each of them counts.
///
///   pieces[i].to[j] = pieces[i].from[j]      for 0 <= j < size
///
/// Requires: from and to 16-byte aligned, size a multiple of 16 bytes; each of them memory that the
///           device can address (its own, or pinned host memory); no overlap. pieces [count], on
///           the device or pinned. thread_blocks caps what it takes from kernels that run beside
///           it.
/// Bound:    PCIe, count * size bytes one way: `thread_blocks` * sm_copy_bytes_in_flight per round
///           trip at most.
/// Reference: memcpy. Exact.
struct SmCopy {
  const CopyPiece* pieces = nullptr;
  std::int64_t count = 0;
  Bytes size{};
  std::int32_t thread_blocks = 4;
};
void sm_copy(const SmCopy& args, Stream stream);

/// What one thread block has under way at a time.
inline constexpr std::int64_t sm_copy_bytes_in_flight = 512 * 8 * 16;

}  // namespace calvo::kernels::gpu
