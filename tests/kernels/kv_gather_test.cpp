#include "kernels/kv_gather.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::kernels {
namespace {

struct Copy {
  static constexpr std::int64_t size = 48;
  static constexpr std::size_t pages = 20;
  alignas(16) std::byte pool[pages * size];
  alignas(16) std::byte staging[8 * size];
  std::uint64_t checksums[8] = {};
  std::int32_t table[8] = {3, 19, 0, 7, 8, 2, 11, 5};
  KvCopy args{.pool = pool,
              .table = table,
              .staging = staging,
              .checksums = checksums,
              .blocks = 8,
              .block_size = Bytes{size}};

  Copy() {
    Random random(1);
    for (std::byte& byte : pool) byte = static_cast<std::byte>(random.bits());
    for (std::byte& byte : staging) byte = static_cast<std::byte>(random.bits());
  }
};

TEST(KvGather, BringsEachPageToItsPlace) {
  Copy copy;
  kv_gather_reference(copy.args);
  for (std::int64_t i = 0; i < 8; ++i) {
    for (std::int64_t byte = 0; byte < Copy::size; ++byte) {
      ASSERT_EQ(copy.staging[i * Copy::size + byte], copy.pool[copy.table[i] * Copy::size + byte]);
    }
    EXPECT_EQ(copy.checksums[i],
              copy_checksum(copy.pool + copy.table[i] * Copy::size, Bytes{Copy::size}));
  }
}

TEST(KvScatter, BringsEachBlockToItsPageAndLeavesTheOthers) {
  Copy copy;
  const Copy before;
  kv_scatter_reference(copy.args);
  for (std::int32_t page = 0; page < 20; ++page) {
    const auto* const named = std::find(copy.table, copy.table + 8, page);
    for (std::int64_t byte = 0; byte < Copy::size; ++byte) {
      const std::byte expected = named == copy.table + 8
                                     ? before.pool[page * Copy::size + byte]
                                     : copy.staging[(named - copy.table) * Copy::size + byte];
      ASSERT_EQ(copy.pool[page * Copy::size + byte], expected) << "page " << page;
    }
  }
}

TEST(KvScatter, ThenGatherGivesTheSameBlocksAndChecksums) {
  Copy copy;
  kv_scatter_reference(copy.args);
  const Copy after = copy;
  std::fill(std::begin(copy.staging), std::end(copy.staging), std::byte{0});
  kv_gather_reference(copy.args);
  EXPECT_TRUE(std::equal(std::begin(copy.staging), std::end(copy.staging), after.staging));
  EXPECT_TRUE(std::equal(std::begin(copy.checksums), std::end(copy.checksums), after.checksums));
}

TEST(CopyChecksum, ChangesWithEachBitAndWithTheOrderOfWords) {
  Copy copy;
  const std::uint64_t sum = copy_checksum(copy.pool, Bytes{Copy::size});
  for (int bit = 0; bit < Copy::size * 8; ++bit) {
    copy.pool[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(copy_checksum(copy.pool, Bytes{Copy::size}), sum) << "bit " << bit;
    copy.pool[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  std::swap_ranges(copy.pool, copy.pool + 8, copy.pool + 8);
  EXPECT_NE(copy_checksum(copy.pool, Bytes{Copy::size}), sum);
}

}  // namespace
}  // namespace calvo::kernels
