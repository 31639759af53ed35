#include "realrun/devices/cuda/copy_runs.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t vector_bytes = 16;  // what a thread of the copying kernels moves at a time

/// Slots are a block apart, their trailer and a gap; further apart they are no neighbours, and to
/// copy what lies between them would cost too much.
std::int64_t most_stride(std::int64_t page_bytes) {
  return page_bytes + std::max<std::int64_t>(256, page_bytes / 16);
}

std::uintptr_t address(const std::byte* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

/// With gaps read as well, where these are small beside the parts.
bool gaps_are_small(std::int64_t stride, std::int64_t size) {
  return stride <= size + size / 4;
}

StagedRun staged(const CopyRun& run, BlockPart part, CopyDirection direction,
                 std::int64_t staging) {
  StagedRun result{run.first, run.count, run.host + part.offset, run.stride, staging, part.size};
  if (run.count == 1) {
    result.host_stride = part.size;
  } else if (direction == CopyDirection::in && gaps_are_small(run.stride, part.size) &&
             run.stride % vector_bytes == 0) {
    result.staging_stride = run.stride;
  }
  return result;
}

CopyPath path_of(const CopyJob& job, BlockPart part, std::size_t runs, const CopyTable& table,
                 std::optional<CopyPath> wanted) {
  const auto count = static_cast<std::int64_t>(job.blocks.size());
  const CopyPath path =
      wanted ? *wanted : table.choose({part.size, count, static_cast<std::int64_t>(runs)});
  const bool aligned = std::ranges::all_of(
      job.blocks, [](const PageCopy& block) { return address(block.host) % vector_bytes == 0; });
  return path == CopyPath::kernel && !aligned ? CopyPath::batch : path;
}

}  // namespace

BlockPart part_of(const CopyJob& job, std::int64_t page_bytes, std::int32_t layers) {
  CALVO_EXPECT(job.first_layer >= 0 && job.layers >= 0);
  CALVO_EXPECT(job.first_layer + job.layers <= layers);
  CALVO_EXPECT(job.layers > 0 || job.first_layer == 0);
  const std::int64_t layer = page_bytes / layers;
  return {job.first_layer * layer, (job.layers == 0 ? layers : job.layers) * layer};
}

std::vector<CopyRun> copy_runs(std::span<const PageCopy> blocks, std::int64_t least_stride,
                               std::int64_t most_stride, std::size_t most_blocks) {
  CALVO_EXPECT(0 < least_stride && least_stride <= most_stride && most_blocks > 0);
  std::vector<CopyRun> runs;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!runs.empty() && runs.back().count < most_blocks) {
      CopyRun& run = runs.back();
      const auto step =
          static_cast<std::int64_t>(address(blocks[i].host) - address(blocks[i - 1].host));
      if (run.count == 1 ? least_stride <= step && step <= most_stride : step == run.stride) {
        run.stride = step;
        ++run.count;
        continue;
      }
    }
    runs.push_back({i, 1, blocks[i].host, least_stride});
  }
  return runs;
}

std::vector<CopyChunk> copy_chunks(const CopyJob& job, BlockPart part, std::int64_t page_bytes,
                                   const CopyTable& table, std::optional<CopyPath> wanted,
                                   const ChunkLimits& limits) {
  CALVO_EXPECT(part.size > 0 && part.size <= page_bytes && limits.blocks > 0);
  const std::int64_t widest = most_stride(page_bytes);
  const std::int64_t each = gaps_are_small(page_bytes, part.size) ? widest : part.size;
  CALVO_EXPECT(limits.bytes >= each);
  if (job.blocks.empty()) return {CopyChunk{}};
  const std::size_t most = std::min(limits.blocks, static_cast<std::size_t>(limits.bytes / each));
  const std::vector<CopyRun> runs = copy_runs(job.blocks, page_bytes, widest, most);
  const CopyPath path = path_of(job, part, runs.size(), table, wanted);

  std::vector<CopyChunk> chunks;
  if (path != CopyPath::staged) {
    for (std::size_t first = 0; first < job.blocks.size(); first += most) {
      chunks.push_back({path, first, std::min(most, job.blocks.size() - first), {}});
    }
    return chunks;
  }
  std::int64_t used = 0;
  for (const CopyRun& run : runs) {
    if (chunks.empty() || chunks.back().count + run.count > most) {
      chunks.push_back({path, run.first, 0, {}});
      used = 0;
    }
    CopyChunk& chunk = chunks.back();
    chunk.runs.push_back(staged(run, part, job.direction, used));
    chunk.count += run.count;
    used += static_cast<std::int64_t>(run.count) * chunk.runs.back().staging_stride;
  }
  return chunks;
}

}  // namespace calvo::realrun
