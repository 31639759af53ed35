#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/contract.hpp"
#include "traces/named_requests.hpp"

namespace calvo::traces {
namespace {

/// A set of block ids that is closed under prefix: a block is in it only with all before it.
class SeenBlocks {
public:
  explicit SeenBlocks(std::uint64_t id_limit) : words_(id_limit / 64 + 1) {}

  void add(BlockRun run) {
    std::uint64_t id = raw(run.first);
    const std::uint64_t end = id + static_cast<std::uint64_t>(run.count);
    while (id < end) {
      const std::uint64_t bit = id % 64;
      const std::uint64_t width = std::min<std::uint64_t>(64 - bit, end - id);
      const std::uint64_t ones = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
      words_[id / 64] |= ones << bit;
      id += width;
    }
  }

  /// Leading blocks of `run` that are in the set: by bisection, as the set is closed.
  std::int32_t leading(BlockRun run) const {
    std::int32_t low = 0;
    std::int32_t high = run.count;
    while (low < high) {
      const std::int32_t middle = low + (high - low) / 2;
      const std::uint64_t id = raw(block_of(run, middle));
      if ((words_[id / 64] >> (id % 64) & 1) != 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

private:
  std::vector<std::uint64_t> words_;
};

}  // namespace

void count_pool_hits(std::span<RequestSpec> requests, std::span<const BlockRun> stored,
                     std::uint64_t id_limit) {
  SeenBlocks seen(id_limit);
  for (const BlockRun& run : stored) seen.add(run);
  for (RequestSpec& request : requests) {
    std::int32_t hit = 0;
    std::size_t next = 0;  // run in which the hit ends
    for (; next < request.blocks.size(); ++next) {
      const std::int32_t found = seen.leading(request.blocks[next]);
      hit += found;
      if (found < request.blocks[next].count) break;
    }
    request.pool_hit_blocks = std::min(hit, request.prompt_blocks);
    for (; next < request.blocks.size(); ++next) seen.add(request.blocks[next]);
  }
}

}  // namespace calvo::traces
