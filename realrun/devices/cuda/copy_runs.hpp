// What a copy job looks like to a copy engine: which bytes of which blocks, and which of them lie
// so that one call can take many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "realrun/devices/copy_path.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// The part of each block that a job moves: bytes [offset, offset + size) of page and slot.
struct BlockPart {
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

/// Requires: the job's layers are some of `layers`; 0 of them means all.
BlockPart part_of(const CopyJob& job, std::int64_t page_bytes, std::int32_t layers);

/// Blocks whose host memory is evenly spaced: block first + i begins at host + i * stride.
struct CopyRun {
  std::size_t first = 0;
  std::size_t count = 0;
  std::byte* host = nullptr;
  std::int64_t stride = 0;  ///< of a run of one: `least_stride`
};

/// Cuts blocks into runs, in their order. A run ends where the distance changes, is less than
/// `least_stride` or more than `most_stride`, or where it has `most_blocks`.
/// Requires: 0 < least_stride <= most_stride; most_blocks > 0.
std::vector<CopyRun> copy_runs(std::span<const PageCopy> blocks, std::int64_t least_stride,
                               std::int64_t most_stride, std::size_t most_blocks);

/// Bounds of what is handed to the driver as one.
struct ChunkLimits {
  std::int64_t bytes = 0;  ///< of staging memory
  std::size_t blocks = 0;  ///< of its tables
};

/// A run of neighbours on its way through staging memory. Block first + i lies there at
/// staging + i * staging_stride.
struct StagedRun {
  std::size_t first = 0;
  std::size_t count = 0;
  std::byte* host = nullptr;  ///< where the first block's part begins
  std::int64_t host_stride = 0;
  std::int64_t staging = 0;         ///< offset, a multiple of 16
  std::int64_t staging_stride = 0;  ///< a multiple of 16

  /// One copy without gaps, trailers of slots included: only where these may be read and not
  /// written. Else one of `count` rows of `part` bytes.
  bool contiguous() const { return staging_stride == host_stride; }
};

/// Some blocks of a job, in order, that go over together.
struct CopyChunk {
  CopyPath path{};
  std::size_t first = 0;
  std::size_t count = 0;
  std::vector<StagedRun> runs;  ///< path staged: all of its blocks; else none
};

/// How `job` goes: by the path that `table` says for it, or by `wanted`, in chunks within `limits`.
/// A job without blocks is one empty chunk. Neighbours are slots at most a sixteenth of a page, or
/// 256 bytes, further apart than their payloads are long. Path kernel needs host addresses that are
/// multiples of 16; where they are not, it is batch.
///
/// Requires: offset, size and page_bytes are multiples of 16; limits hold one slot at least.
std::vector<CopyChunk> copy_chunks(const CopyJob& job, BlockPart part, std::int64_t page_bytes,
                                   const CopyTable& table, std::optional<CopyPath> wanted,
                                   const ChunkLimits& limits);

}  // namespace calvo::realrun
