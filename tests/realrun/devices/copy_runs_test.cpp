#include "realrun/devices/cuda/copy_runs.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "kernels/kv_gather.hpp"

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t page = 4096;
constexpr std::int64_t slot = page + 64 + 64;  // trailer and gap

/// Blocks in the slots with these numbers of one piece of memory.
std::vector<PageCopy> blocks_in(std::byte* host, const std::vector<std::int32_t>& slots) {
  std::vector<PageCopy> blocks;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    blocks.push_back({static_cast<std::int32_t>(i), host + slots[i] * slot});
  }
  return blocks;
}

std::vector<std::pair<std::size_t, std::size_t>> shape(const std::vector<CopyRun>& runs) {
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (const CopyRun& run : runs) result.emplace_back(run.first, run.count);
  return result;
}

TEST(BlockPart, IsThatOfTheJobsLayers) {
  CopyJob job;
  EXPECT_EQ(part_of(job, 4000, 4).offset, 0);
  EXPECT_EQ(part_of(job, 4000, 4).size, 4000);
  job.first_layer = 1;
  job.layers = 2;
  EXPECT_EQ(part_of(job, 4000, 4).offset, 1000);
  EXPECT_EQ(part_of(job, 4000, 4).size, 2000);
  job.layers = 4;
  EXPECT_THROW(part_of(job, 4000, 4), ContractViolation);
  job.layers = 0;
  EXPECT_THROW(part_of(job, 4000, 4), ContractViolation);
}

TEST(CopyRuns, AreSlotsSideBySideInTheOrderOfTheJob) {
  std::vector<std::byte> host(20 * slot);
  const auto runs = [&](const std::vector<std::int32_t>& slots) {
    return shape(copy_runs(blocks_in(host.data(), slots), page, slot, 100));
  };
  EXPECT_THAT(runs({}), IsEmpty());
  EXPECT_THAT(runs({3}), ElementsAre(std::pair(0, 1)));
  EXPECT_THAT(runs({3, 4, 5, 9, 10, 2}),
              ElementsAre(std::pair(0, 3), std::pair(3, 2), std::pair(5, 1)));
  EXPECT_THAT(runs({5, 4, 3}), ElementsAre(std::pair(0, 1), std::pair(1, 1), std::pair(2, 1)));
  EXPECT_THAT(runs({0, 2, 4}), ElementsAre(std::pair(0, 1), std::pair(1, 1), std::pair(2, 1)));
  EXPECT_THAT(runs({1, 1}), ElementsAre(std::pair(0, 1), std::pair(1, 1)));
}

TEST(CopyRuns, HaveOneDistanceAndNoMoreBlocksThanAllowed) {
  std::vector<std::byte> host(20 * slot);
  std::vector<PageCopy> blocks = blocks_in(host.data(), {0, 1, 2, 3, 4, 5, 6});
  EXPECT_THAT(shape(copy_runs(blocks, page, slot, 3)),
              ElementsAre(std::pair(0, 3), std::pair(3, 3), std::pair(6, 1)));
  blocks[2].host += 16;  // 0, 1 and 3 on are slots apart, these are not
  EXPECT_THAT(shape(copy_runs(blocks, page, slot + 64, 100)),
              ElementsAre(std::pair(0, 2), std::pair(2, 2), std::pair(4, 3)));
  const std::vector<CopyRun> runs = copy_runs(blocks, page, slot + 64, 100);
  EXPECT_EQ(runs[0].stride, slot);
  EXPECT_EQ(runs[1].stride, slot - 16);
  EXPECT_EQ(runs[1].host, blocks[2].host);
}

TEST(CopyChunks, TakeThePathThatIsWantedOrTheTables) {
  std::vector<std::byte> host(8 * slot);
  CopyJob job;
  job.blocks = blocks_in(host.data(), {0, 1, 2, 3});
  const ChunkLimits limits{1 << 20, 100};
  const auto path = [&](std::optional<CopyPath> wanted) {
    return copy_chunks(job, {0, page}, page, {}, wanted, limits).at(0).path;
  };
  EXPECT_EQ(path(std::nullopt), CopyPath::staged);
  for (const CopyPath wanted : {CopyPath::direct, CopyPath::batch, CopyPath::staged}) {
    EXPECT_EQ(path(wanted), wanted);
  }
  const auto odd = reinterpret_cast<std::uintptr_t>(host.data()) % 16 == 0 ? 8 : 0;
  for (PageCopy& block : job.blocks) block.host += odd;
  EXPECT_EQ(path(CopyPath::kernel), CopyPath::batch);  // 16 bytes at a time would not fit
  job.blocks.clear();
  const std::vector<CopyChunk> none = copy_chunks(job, {0, page}, page, {}, {}, limits);
  ASSERT_THAT(none, SizeIs(1));
  EXPECT_EQ(none[0].count, 0U);
}

TEST(CopyChunks, StayWithinTheirLimits) {
  std::vector<std::byte> host(20 * slot);
  CopyJob job;
  job.blocks = blocks_in(host.data(), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto counts = [&](CopyPath path, BlockPart part, const ChunkLimits& limits) {
    std::vector<std::size_t> result;
    for (const CopyChunk& chunk : copy_chunks(job, part, page, {}, path, limits)) {
      result.push_back(chunk.count);
    }
    return result;
  };
  EXPECT_THAT(counts(CopyPath::direct, {0, page}, {1 << 20, 4}), ElementsAre(4, 4, 3));
  EXPECT_THAT(counts(CopyPath::staged, {0, page}, {4 * (slot + 128), 100}), ElementsAre(4, 4, 3));
  EXPECT_THAT(counts(CopyPath::staged, {0, 1024}, {4 * 1024, 100}), ElementsAre(4, 4, 3));
  EXPECT_THAT(counts(CopyPath::batch, {0, page}, {1 << 20, 100}), ElementsAre(11));
  EXPECT_THROW(counts(CopyPath::batch, {0, page}, {page, 100}), ContractViolation);
}

/// What a device does with chunks, by memcpy and the reference of the scattering kernel.
class Copier {
public:
  Copier(std::vector<std::byte>& pool, std::int64_t staging_bytes, bool may_write_gaps)
      : pool_(pool), staging_(static_cast<std::size_t>(staging_bytes)), gaps_(may_write_gaps) {}

  void carry_out(const CopyJob& job, BlockPart part, const CopyChunk& chunk) {
    if (chunk.path != CopyPath::staged) {
      for (std::size_t i = chunk.first; i < chunk.first + chunk.count; ++i) {
        move(job, pool_.data() + job.blocks[i].page * page + part.offset,
             job.blocks[i].host + part.offset, part.size);
      }
      return;
    }
    for (const StagedRun& run : chunk.runs) {
      ASSERT_LE(run.staging + static_cast<std::int64_t>(run.count) * run.staging_stride,
                std::ssize(staging_));
      ASSERT_EQ(run.staging % 16, 0);
      ASSERT_EQ(run.staging_stride % 16, 0);
      if (job.direction == CopyDirection::out) to_staging(job, part, run);
      if (run.contiguous()) {
        const std::int64_t rest = static_cast<std::int64_t>(run.count) - 1;
        ASSERT_TRUE(gaps_ || run.count == 1 || run.host_stride == part.size);
        move(job, staging_.data() + run.staging, run.host, rest * run.host_stride + part.size);
      } else {
        for (std::size_t i = 0; i < run.count; ++i) {
          const auto at = static_cast<std::int64_t>(i);
          move(job, staging_.data() + run.staging + at * run.staging_stride,
               run.host + at * run.host_stride, part.size);
        }
      }
      if (job.direction == CopyDirection::in) from_staging(job, part, run);
    }
  }

private:
  static void move(const CopyJob& job, std::byte* device, std::byte* host, std::int64_t size) {
    const bool in = job.direction == CopyDirection::in;
    std::memcpy(in ? device : host, in ? host : device, static_cast<std::size_t>(size));
  }
  void to_staging(const CopyJob& job, BlockPart part, const StagedRun& run) {
    for (std::size_t i = 0; i < run.count; ++i) {
      std::memcpy(row(run, i), pool_.data() + job.blocks[run.first + i].page * page + part.offset,
                  static_cast<std::size_t>(part.size));
    }
  }
  void from_staging(const CopyJob& job, BlockPart part, const StagedRun& run) {
    for (std::size_t i = 0; i < run.count; ++i) {
      std::memcpy(pool_.data() + job.blocks[run.first + i].page * page + part.offset, row(run, i),
                  static_cast<std::size_t>(part.size));
    }
  }
  std::byte* row(const StagedRun& run, std::size_t i) {
    return staging_.data() + run.staging + static_cast<std::int64_t>(i) * run.staging_stride;
  }

  std::vector<std::byte>& pool_;
  std::vector<std::byte> staging_;
  bool gaps_;
};

// Property: whatever the blocks and the path, each part is where it belongs and nothing else has
// changed.
TEST(CopyChunks, MoveEachPartAndNothingElse) {
  constexpr std::int32_t slots = 24;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<std::byte> host(slots * slot);
    std::vector<std::byte> pool(slots * page);
    for (std::byte& byte : host) byte = static_cast<std::byte>(random.bits());
    for (std::byte& byte : pool) byte = static_cast<std::byte>(random.bits());
    std::vector<std::int32_t> pages(slots);
    std::iota(pages.begin(), pages.end(), 0);
    for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random.below(i)]);

    CopyJob job;
    job.direction = random.below(2) == 0 ? CopyDirection::in : CopyDirection::out;
    for (std::int32_t at = 0; at < slots; ++at) {
      if (random.below(4) == 0) continue;  // runs of some lengths
      job.blocks.push_back({pages[static_cast<std::size_t>(at)], host.data() + at * slot});
    }
    job.first_layer = static_cast<std::int32_t>(random.below(4));
    job.layers =
        static_cast<std::int32_t>(1 + random.below(4 - static_cast<unsigned>(job.first_layer)));
    const BlockPart part = part_of(job, page, 4);
    const CopyPath path = copy_paths[random.below(copy_paths.size())];
    const std::int64_t staging = static_cast<std::int64_t>(2 + random.below(30)) * page;
    const ChunkLimits limits{staging, 1 + random.below(30)};

    std::vector<std::byte> host_after = host;
    std::vector<std::byte> pool_after = pool;
    for (const PageCopy& block : job.blocks) {
      std::byte* in_page = pool_after.data() + block.page * page + part.offset;
      std::byte* in_slot = host_after.data() + (block.host - host.data()) + part.offset;
      const bool in = job.direction == CopyDirection::in;
      std::memcpy(in ? in_page : in_slot, in ? in_slot : in_page,
                  static_cast<std::size_t>(part.size));
    }
    Copier copier(pool, staging, job.direction == CopyDirection::in);
    std::size_t next = 0;
    for (const CopyChunk& chunk : copy_chunks(job, part, page, {}, path, limits)) {
      EXPECT_EQ(chunk.first, next);
      EXPECT_LE(chunk.count, limits.blocks);
      next += chunk.count;
      copier.carry_out(job, part, chunk);
    }
    EXPECT_EQ(next, job.blocks.size());
    ASSERT_EQ(pool, pool_after) << "seed " << seed;
    ASSERT_EQ(host, host_after) << "seed " << seed;
  }
}

}  // namespace
}  // namespace calvo::realrun
