#include "kernels/gpu/attention_plan.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "kernels/gpu/decode_attention.cuh"

namespace calvo::kernels::gpu {
namespace {

constexpr std::int32_t multiprocessors = 132;

TEST(PrefillTiles, CoverEachPackedRowOnceAndPutTheLongestFirst) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::vector<SequenceRows> sequences(random.below(6));
    for (SequenceRows& sequence : sequences) {
      sequence = {static_cast<std::int32_t>(random.below(300)),
                  static_cast<std::int32_t>(random.below(1000))};
    }
    const auto group = static_cast<std::int32_t>(1 + random.below(8));
    const std::vector<PrefillTile> tiles = prefill_tiles(sequences, group);
    std::set<std::pair<std::int32_t, std::int32_t>> rows;
    std::int32_t last = 1 << 30;
    for (const PrefillTile& tile : tiles) {
      const auto [count, context] = sequences[static_cast<std::size_t>(tile.sequence)];
      const std::int32_t keys = context + tile.packed_row / group;
      EXPECT_LE(keys, last) << "seed " << seed;
      last = keys;
      for (std::int32_t row = tile.packed_row;
           row < std::min(tile.packed_row + prefill_tile_rows, count * group); ++row) {
        EXPECT_TRUE(rows.insert({tile.sequence, row}).second) << "seed " << seed;
      }
    }
    std::size_t all = 0;
    for (const SequenceRows& sequence : sequences) {
      all += static_cast<std::size_t>(sequence.rows * group);
    }
    EXPECT_EQ(rows.size(), all) << "seed " << seed;
  }
}

TEST(PrefillTiles, OfNothingAreNone) {
  EXPECT_TRUE(prefill_tiles({}, 4).empty());
  const SequenceRows empty{0, 100};
  EXPECT_TRUE(prefill_tiles({&empty, 1}, 4).empty());
}

TEST(DecodePlan, FillsTheDeviceOnceWithOneLongSequence) {
  const std::int32_t keys = 100'000;
  const DecodePlan plan = decode_plan({&keys, 1}, 32, 8, 128, multiprocessors);
  const std::int32_t blocks = plan.splits * 8;
  EXPECT_LE(blocks, multiprocessors * decode_blocks_per_multiprocessor);
  EXPECT_GT(blocks, multiprocessors * decode_blocks_per_multiprocessor * 9 / 10);
  EXPECT_EQ(plan.workspace_bytes, std::int64_t{plan.splits} * 32 * 129 * 4);
}

TEST(DecodePlan, DoesNotCutWhereSequencesFillTheDeviceThemselves) {
  const std::vector<std::int32_t> keys(256, 4000);
  const DecodePlan plan = decode_plan(keys, 32, 8, 128, multiprocessors);
  EXPECT_EQ(plan.splits, 1);
  EXPECT_EQ(plan.workspace_bytes, 0);
}

TEST(DecodePlan, DoesNotCutBelow256Keys) {
  const std::vector<std::int32_t> keys = {256, 1, 30};
  EXPECT_EQ(decode_plan(keys, 8, 8, 64, multiprocessors).splits, 1);
  const std::vector<std::int32_t> longer = {257, 1, 30};
  const DecodePlan plan = decode_plan(longer, 8, 8, 64, multiprocessors);
  EXPECT_EQ(plan.splits, 2);
  EXPECT_EQ(plan.split_keys, 256);
}

TEST(DecodePlan, SplitsCoverEachKeyOnceAndAreTheShortestThatFit) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::vector<std::int32_t> keys(1 + random.below(40));
    for (std::int32_t& count : keys) count = 1 + static_cast<std::int32_t>(random.below(200'000));
    const DecodePlan plan = decode_plan(keys, 32, 8, 128, multiprocessors);
    EXPECT_EQ(plan.split_keys % tile_keys, 0);
    const auto blocks_with = [&](std::int64_t split_keys) {
      std::int64_t blocks = 0;
      for (const std::int32_t count : keys) blocks += 8 * ((count + split_keys - 1) / split_keys);
      return blocks;
    };
    const std::int64_t room = multiprocessors * decode_blocks_per_multiprocessor / 8 * 8;
    if (plan.splits > 1) {
      EXPECT_LE(blocks_with(plan.split_keys), room) << "seed " << seed;
    }
    if (plan.split_keys > 256 && plan.splits > 1) {
      EXPECT_GT(blocks_with(plan.split_keys - tile_keys), room) << "seed " << seed;
    }
    std::int32_t most = 0;
    for (const std::int32_t count : keys) {
      const std::int32_t splits = decode_splits(plan, count);
      most = std::max(most, splits);
      EXPECT_GT(count, (splits - 1) * plan.split_keys) << "seed " << seed;
      EXPECT_LE(count, splits * plan.split_keys) << "seed " << seed;
    }
    EXPECT_EQ(most, plan.splits) << "seed " << seed;
  }
}

TEST(DecodePlan, HoldsTheLargestCountsThatItTakes) {
  const std::int32_t keys = 1 << 30;
  const DecodePlan plan = decode_plan({&keys, 1}, 128, 1, 128, multiprocessors);
  EXPECT_EQ(decode_splits(plan, keys), plan.splits);
  EXPECT_THROW((void)decode_plan({}, 8, 8, 64, 1), ContractViolation);
  EXPECT_THROW((void)decode_plan({&keys, 1}, 9, 8, 64, 1), ContractViolation);
}

}  // namespace
}  // namespace calvo::kernels::gpu
