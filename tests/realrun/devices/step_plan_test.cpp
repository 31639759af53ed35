#include "realrun/devices/cuda/step_plan.hpp"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "realrun/devices/cuda/gemm_choice.hpp"

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int32_t block = 16;
constexpr StepLimits wide{8192, 256, 1 << 18};

/// Sequences with arrays of their own.
class Step {
public:
  void add(std::int64_t context, std::int64_t count, std::int32_t first_page = 0) {
    std::vector<std::int32_t>& tokens = tokens_.emplace_back(static_cast<std::size_t>(count));
    std::iota(tokens.begin(), tokens.end(), static_cast<std::int32_t>(context));
    std::vector<std::int32_t>& pages =
        pages_.emplace_back(static_cast<std::size_t>((context + count + block - 1) / block));
    std::iota(pages.begin(), pages.end(), first_page);
    contexts_.push_back(context);
  }
  std::vector<SequenceStep> sequences() const {
    std::vector<SequenceStep> result;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      result.push_back({tokens_[i], contexts_[i], pages_[i], false});
    }
    return result;
  }

private:
  std::vector<std::vector<std::int32_t>> tokens_, pages_;
  std::vector<std::int64_t> contexts_;
};

StepBatch whole_batch(const Step& step, std::int32_t group = 4) {
  const std::vector<SequenceStep> sequences = step.sequences();
  const auto parts = split_step(sequences, wide, block);
  EXPECT_THAT(parts, SizeIs(1));
  return step_batch(sequences, parts.at(0), block, group);
}

TEST(SplitStep, LeavesAStepThatFitsAsItIs) {
  Step step;
  step.add(0, 100);
  step.add(64, 1);
  const auto parts = split_step(step.sequences(), wide, block);
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_THAT(parts[0], ElementsAre(StepPart{0, 0, 100, true}, StepPart{1, 0, 1, true}));
  EXPECT_THAT(split_step({}, wide, block), IsEmpty());
}

TEST(SplitStep, CutsByRowsSequencesAndPageTables) {
  Step step;
  step.add(0, 100);
  step.add(0, 30);
  auto parts = split_step(step.sequences(), {64, 256, 1000}, block);
  ASSERT_THAT(parts, SizeIs(3));
  EXPECT_THAT(parts[0], ElementsAre(StepPart{0, 0, 64, false}));
  EXPECT_THAT(parts[1], ElementsAre(StepPart{0, 64, 36, true}, StepPart{1, 0, 28, false}));
  EXPECT_THAT(parts[2], ElementsAre(StepPart{1, 28, 2, true}));

  parts = split_step(step.sequences(), {8192, 1, 1000}, block);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_THAT(parts[1], ElementsAre(StepPart{1, 0, 30, true}));

  parts = split_step(step.sequences(), {8192, 256, 8}, block);  // 7 pages, and 1 of the other's 2
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_THAT(parts[0], ElementsAre(StepPart{0, 0, 100, true}, StepPart{1, 0, 16, false}));
  EXPECT_THAT(parts[1], ElementsAre(StepPart{1, 16, 14, true}));
}

// Property: all tokens, once each, in order, within the limits.
TEST(SplitStep, KeepsOrderAndLimitsAndLosesNothing) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const auto number = [&](std::uint64_t below) {
      return static_cast<std::int64_t>(random.below(below));
    };
    Step step;
    std::int64_t longest = 0;
    for (std::int64_t i = number(12); i >= 0; --i) {
      const std::int64_t context = number(200);
      const std::int64_t count = 1 + (number(2) == 0 ? 0 : number(150));
      step.add(context, count);
      longest = std::max(longest, (context + count + block - 1) / block);
    }
    const StepLimits limits{static_cast<std::int32_t>(1 + number(120)),
                            static_cast<std::int32_t>(1 + number(8)),
                            static_cast<std::int32_t>(longest + number(20))};
    const std::vector<SequenceStep> sequences = step.sequences();
    std::vector<std::int64_t> next(sequences.size(), 0);
    std::size_t current = 0;
    for (const auto& parts : split_step(sequences, limits, block)) {
      const StepBatch batch = step_batch(sequences, parts, block, 4);
      ASSERT_FALSE(parts.empty());
      ASSERT_LE(batch.rows(), limits.rows);
      ASSERT_LE(batch.sequences(), limits.sequences);
      ASSERT_LE(std::ssize(batch.pages), limits.pages);
      ASSERT_LE(batch_layout(batch).size, largest_batch(limits));
      for (const StepPart& part : parts) {
        ASSERT_GE(part.sequence, current);
        current = part.sequence;
        ASSERT_EQ(part.begin, next[part.sequence]);
        next[part.sequence] += part.count;
        ASSERT_EQ(part.last, next[part.sequence] == std::ssize(sequences[part.sequence].tokens));
      }
    }
    for (std::size_t i = 0; i < next.size(); ++i) {
      ASSERT_EQ(next[i], std::ssize(sequences[i].tokens)) << "seed " << seed;
    }
  }
}

TEST(StepBatch, FlattensPromptsAndDecodes) {
  Step step;
  step.add(16, 3, 5);  // pages 5, 6
  step.add(32, 1, 7);  // pages 7, 8, 9
  constexpr std::int32_t tile = kernels::gpu::prefill_tile_rows;
  const StepBatch batch = whole_batch(step, tile);  // a tile for each new token
  EXPECT_THAT(batch.tokens, ElementsAre(16, 17, 18, 32));
  EXPECT_THAT(batch.row_begin, ElementsAre(0, 3, 4));
  EXPECT_THAT(batch.row_sequence, ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(batch.first, ElementsAre(16, 32));
  EXPECT_THAT(batch.page_begin, ElementsAre(0, 2));
  EXPECT_THAT(batch.pages, ElementsAre(5, 6, 7, 8, 9));
  EXPECT_THAT(batch.singles, ElementsAre(1));
  EXPECT_THAT(batch.single_keys, ElementsAre(33));
  using Tile = kernels::gpu::PrefillTile;
  EXPECT_THAT(batch.tiles, ElementsAre(Tile{0, 2 * tile}, Tile{0, tile}, Tile{0, 0}));
  EXPECT_THAT(batch.taken, ElementsAre(2, 3));
  EXPECT_THAT(batch.results, ElementsAre(0, 1));
  EXPECT_FALSE(batch.only_singles());
}

TEST(StepBatch, TakesOnlyThePagesThatItReads) {
  Step step;
  step.add(0, 100);
  const std::vector<SequenceStep> sequences = step.sequences();
  const std::vector<StepPart> part = {{0, 20, 30, false}};
  const StepBatch batch = step_batch(sequences, part, block, 1);
  EXPECT_THAT(batch.pages, ElementsAre(0, 1, 2, 3));  // 50 tokens
  EXPECT_THAT(batch.first, ElementsAre(20));
  EXPECT_EQ(batch.tokens.front(), 20);
  EXPECT_THAT(batch.taken, IsEmpty());
}

TEST(DecodeBucket, IsTheSameForBatchesThatCanShareAGraph) {
  const auto bucket = [](int sequences, std::int64_t context) {
    Step step;
    for (int i = 0; i < sequences; ++i) step.add(context, 1);
    return decode_bucket(whole_batch(step), wide);
  };
  EXPECT_EQ(bucket(1, 0), (DecodeBucket{1, 512}));
  EXPECT_EQ(bucket(2, 511), (DecodeBucket{2, 512}));
  EXPECT_EQ(bucket(3, 512), (DecodeBucket{3, 1024}));
  EXPECT_EQ(bucket(5, 4000), (DecodeBucket{6, 4096}));
  EXPECT_EQ(bucket(7, 4096), (DecodeBucket{8, 8192}));
  EXPECT_EQ(bucket(200, 10), (DecodeBucket{256, 512}));
}

TEST(DecodeBucket, IsForDecodesOnly) {
  Step step;
  step.add(10, 1);
  step.add(0, 2);
  EXPECT_EQ(decode_bucket(whole_batch(step), wide), std::nullopt);
  Step decodes;
  for (int i = 0; i < 5; ++i) decodes.add(100, 1);
  const StepBatch batch = whole_batch(decodes);
  EXPECT_NE(decode_bucket(batch, {6, 6, 36}), std::nullopt);
  EXPECT_EQ(decode_bucket(batch, {5, 6, 36}), std::nullopt);  // no room for the padding
  EXPECT_EQ(decode_bucket(batch, {6, 5, 36}), std::nullopt);
  EXPECT_EQ(decode_bucket(batch, {6, 6, 35}), std::nullopt);
  EXPECT_EQ(decode_bucket(StepBatch{}, wide), std::nullopt);
}

TEST(Padding, AddsSequencesThatTouchOnePageOnly) {
  Step step;
  for (int i = 0; i < 5; ++i) step.add(40, 1, 3 * i);
  StepBatch batch = whole_batch(step);
  const std::vector<std::int32_t> pages = batch.pages;
  const DecodeBucket bucket = *decode_bucket(batch, wide);
  pad(batch, bucket, 99);
  EXPECT_EQ(batch.sequences(), 6);
  EXPECT_EQ(batch.rows(), 6);
  EXPECT_EQ(batch.results.size(), 5U);  // the others' are nobody's
  EXPECT_THAT(batch.taken, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(batch.singles, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(batch.row_begin, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(batch.first.back(), 0);
  EXPECT_EQ(batch.single_keys.back(), 1);
  EXPECT_EQ(batch.page_begin.back(), std::ssize(pages));
  EXPECT_EQ(batch.pages.back(), 99);
  EXPECT_EQ(batch.pages.size(), pages.size() + 1);
  EXPECT_EQ(decode_bucket(batch, wide), bucket);
}

TEST(BatchLayout, HoldsEveryArrayInItsPlace) {
  Step step;
  step.add(16, 30);
  step.add(100, 1, 50);
  step.add(0, 5, 70);
  const StepBatch batch = whole_batch(step);
  const BatchLayout layout = batch_layout(batch);
  std::vector<std::int32_t> memory(static_cast<std::size_t>(layout.size), -1);
  write_batch(batch, layout, memory);
  const auto expect_at = [&](std::int64_t at, const std::vector<std::int32_t>& numbers) {
    EXPECT_EQ(at % 4, 0);
    const auto begin = memory.begin() + at;
    EXPECT_EQ(std::vector(begin, begin + std::ssize(numbers)), numbers);
  };
  expect_at(layout.tokens, batch.tokens);
  expect_at(layout.row_begin, batch.row_begin);
  expect_at(layout.row_sequence, batch.row_sequence);
  expect_at(layout.first, batch.first);
  expect_at(layout.page_begin, batch.page_begin);
  expect_at(layout.singles, batch.singles);
  expect_at(layout.taken, batch.taken);
  expect_at(layout.pages, batch.pages);
  std::vector<std::int32_t> tiles;
  for (const auto& tile : batch.tiles) {
    tiles.push_back(tile.sequence);
    tiles.push_back(tile.packed_row);
  }
  expect_at(layout.tiles, tiles);
  memory.pop_back();
  EXPECT_THROW(write_batch(batch, layout, memory), ContractViolation);
}

TEST(BatchLayout, OfOneBucketDiffersOnlyInHowLongItsPageTablesAre) {
  const auto layout = [](std::int64_t context) {
    Step step;
    for (int i = 0; i < 3; ++i) step.add(context, 1);
    return batch_layout(whole_batch(step));
  };
  const BatchLayout some = layout(10);
  const BatchLayout more = layout(300);
  EXPECT_EQ(some.pages, more.pages);
  EXPECT_EQ(some.taken, more.taken);
  EXPECT_LT(some.size, more.size);
}

TEST(RowBucket, IsTheNextPowerOfTwoOrOneBetween) {
  const std::int64_t expected[][2] = {{1, 1},     {2, 2},     {3, 4},      {33, 64},    {64, 64},
                                      {65, 96},   {97, 128},  {129, 192},  {193, 256},  {300, 384},
                                      {400, 512}, {513, 768}, {769, 1024}, {6145, 8192}};
  for (const auto& [rows, bucket] : expected) EXPECT_EQ(row_bucket(rows), bucket) << rows;
  EXPECT_THROW(row_bucket(0), ContractViolation);
}

TEST(Fastest, IsTheLeastMedianAndTheLibrarysFirstOfEqualOnes) {
  const std::vector<Seconds> slow(3, Seconds{2});
  const std::vector<Seconds> fast = {Seconds{1}, Seconds{9}, Seconds{1}};
  const std::vector<Seconds> lucky = {Seconds{0.1}, Seconds{3}, Seconds{3}};
  const std::vector<Seconds> refused;
  const std::vector<GemmTimes> some = {refused, slow, fast, fast, lucky};
  EXPECT_EQ(fastest(some), 2U);
  const std::vector<GemmTimes> none = {refused};
  EXPECT_THROW(fastest(none), ContractViolation);
}

}  // namespace
}  // namespace calvo::realrun
