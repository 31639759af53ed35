// The claim that everything else stands on: logits over a loaded prefix equal those of a full
// recompute. On the host device they are the same bits, so the tolerance is none.
#include <algorithm>
#include <cmath>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/realrun/devices/device_under_test.hpp"

namespace calvo::realrun {
namespace {

using testing::compute;
using testing::copy_blocks;
using testing::expect_other_logits;
using testing::expect_same_logits;
using testing::make;
using testing::options_under_test;
using testing::random_tokens;
using testing::shuffled;
using testing::vocab;

std::int64_t blocks_of(std::int64_t tokens, std::int32_t block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

/// Logits of a prompt computed at once, on a device of its own.
std::vector<float> recomputed(std::span<const std::int32_t> tokens, std::int32_t block_tokens) {
  const std::int64_t blocks = blocks_of(std::ssize(tokens), block_tokens);
  const auto device = make(options_under_test(block_tokens, blocks));
  return compute(*device, tokens, 0, shuffled(5, 0, blocks)).logits;
}

TEST(Oracle, LogitsAreFiniteAndDependOnEachTokenAndOnEachBlock) {
  const auto device = make(options_under_test(16, 4));
  const std::vector<std::int32_t> pages = shuffled(5, 0, 4);
  const auto computed = [&](std::span<const std::int32_t> tokens) {
    return compute(*device, tokens, 0, pages).logits;
  };
  // By more than rounding: one token of a few, one block of some.
  for (const auto& [length, part] : {std::pair<std::size_t, std::size_t>{6, 1}, {60, 16}}) {
    const std::vector<std::int32_t> tokens =
        random_tokens(1, static_cast<std::int64_t>(length), vocab());
    const std::vector<float> logits = computed(tokens);
    ASSERT_EQ(logits.size(), static_cast<std::size_t>(vocab()));
    for (const float logit : logits) ASSERT_TRUE(std::isfinite(logit) && std::abs(logit) < 100);
    const auto [least, most] = std::ranges::minmax(logits);
    EXPECT_GT(most - least, 1);
    for (std::size_t from = 0; from < length; from += part) {
      SCOPED_TRACE(from);
      std::vector<std::int32_t> changed = tokens;
      for (std::size_t i = from; i < std::min(from + part, length); ++i) {
        changed[i] = (changed[i] + 1) % vocab();
      }
      expect_other_logits(computed(changed), logits);
    }
  }
}

class OracleProperty : public ::testing::TestWithParam<std::tuple<std::int32_t, unsigned>> {};

// Property: whatever part of the prompt was a hit, and wherever it is loaded to.
TEST_P(OracleProperty, LoadedPrefixGivesTheLogitsOfAFullRecompute) {
  const auto [block_tokens, seed] = GetParam();
  Random random(seed, 1);
  const auto total = static_cast<std::int64_t>(2 + random.below(700));
  const std::vector<std::int32_t> tokens = random_tokens(seed, total, vocab());
  const std::span<const std::int32_t> all = tokens;
  const std::int64_t blocks = blocks_of(total, block_tokens);
  const auto hit = static_cast<std::int64_t>(  // whole blocks; at least one token is computed
      random.below(static_cast<std::uint64_t>((total - 1) / block_tokens + 1)));

  const auto device = make(options_under_test(block_tokens, 2 * blocks));
  const std::vector<std::int32_t> first = shuffled(seed, 0, blocks);
  const SequenceResult whole = compute(*device, all, 0, first);

  std::byte* host = device->host_memory().data();
  ASSERT_TRUE(copy_blocks(*device, CopyDirection::out,
                          std::span(first).first(static_cast<std::size_t>(hit)), host));
  const std::vector<std::int32_t> second =
      shuffled(seed + 1, static_cast<std::int32_t>(blocks), blocks);
  ASSERT_TRUE(copy_blocks(*device, CopyDirection::in,
                          std::span(second).first(static_cast<std::size_t>(hit)), host));
  const std::int64_t context = hit * block_tokens;
  const SequenceResult loaded =
      compute(*device, all.subspan(static_cast<std::size_t>(context)), context, second);

  expect_same_logits(loaded.logits, whole.logits);
  EXPECT_EQ(loaded.next_token, std::ranges::max_element(loaded.logits) - loaded.logits.begin());
  expect_same_logits(recomputed(tokens, block_tokens), whole.logits);
}

TEST_P(OracleProperty, PartsOfAPromptGiveTheLogitsOfTheWhole) {
  const auto [block_tokens, seed] = GetParam();
  Random random(seed, 2);
  const auto total = static_cast<std::int64_t>(2 + random.below(500));
  const std::vector<std::int32_t> tokens = random_tokens(seed, total, vocab());
  const std::int64_t blocks = blocks_of(total, block_tokens);
  const auto device = make(options_under_test(block_tokens, blocks));
  const std::vector<std::int32_t> pages = shuffled(seed, 0, blocks);
  std::vector<float> logits;
  for (std::int64_t at = 0; at < total;) {
    const auto part = std::min(total - at, static_cast<std::int64_t>(1 + random.below(200)));
    logits = compute(*device,
                     std::span(tokens).subspan(static_cast<std::size_t>(at),
                                               static_cast<std::size_t>(part)),
                     at, pages)
                 .logits;
    at += part;
  }
  expect_same_logits(logits, recomputed(tokens, block_tokens));
}

std::string name_of_parameter(
    const ::testing::TestParamInfo<std::tuple<std::int32_t, unsigned>>& info) {
  return "Blocks" + std::to_string(std::get<0>(info.param)) + "Seed" +
         std::to_string(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Seed, OracleProperty,
                         ::testing::Combine(::testing::Values(16, 100, 256),
                                            ::testing::Range(0U, 10U)),
                         name_of_parameter);

TEST(Oracle, BlockSizesGiveTheSameLogits) {
  const std::vector<std::int32_t> tokens = random_tokens(3, 600, vocab());
  const std::vector<float> logits = recomputed(tokens, 16);
  for (const std::int32_t block_tokens : {1, 7, 64, 256, 1024}) {
    SCOPED_TRACE(block_tokens);
    expect_same_logits(recomputed(tokens, block_tokens), logits);
  }
}

TEST(Oracle, DecodeStepsGiveTheLogitsOfAPrefillOfTheWhole) {
  const std::vector<std::int32_t> tokens = random_tokens(4, 150, vocab());
  const std::span<const std::int32_t> all = tokens;
  const auto device = make(options_under_test(16, 10));
  const std::vector<std::int32_t> pages = shuffled(1, 0, 10);
  compute(*device, all.first(80), 0, pages);
  for (std::size_t i = 80; i < tokens.size(); ++i) {  // teacher-forced
    const SequenceResult step =
        compute(*device, all.subspan(i, 1), static_cast<std::int64_t>(i), pages);
    if (i % 10 == 9) {
      SCOPED_TRACE(i);
      expect_same_logits(step.logits, recomputed(all.first(i + 1), 16));
    }
  }
}

TEST(Oracle, SequencesOfABatchGiveTheLogitsThatEachGivesAlone) {
  const auto device = make(options_under_test(16, 100));
  struct Case {
    std::vector<std::int32_t> tokens;
    std::size_t context;
    std::vector<std::int32_t> pages;
  };
  std::vector<Case> cases;
  std::int32_t next_page = 0;
  for (const auto& [total, context] : {std::pair{200, 199}, {37, 0}, {300, 128}, {65, 64}}) {
    const auto seed = static_cast<std::uint64_t>(total);
    const auto pages = static_cast<std::int32_t>(blocks_of(total, 16));
    cases.push_back({random_tokens(seed, total, vocab()), static_cast<std::size_t>(context),
                     shuffled(seed, next_page, pages)});
    next_page += pages;
  }
  std::vector<SequenceStep> batch;
  for (const Case& item : cases) {
    const std::span<const std::int32_t> all = item.tokens;
    if (item.context > 0) compute(*device, all.first(item.context), 0, item.pages);
    batch.push_back(
        {all.subspan(item.context), static_cast<std::int64_t>(item.context), item.pages, true});
  }
  std::vector<SequenceResult> results;
  device->step({batch, {}}, results);
  ASSERT_EQ(results.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same_logits(results[i].logits, recomputed(cases[i].tokens, 16));
  }
}

TEST(Oracle, APageInTheWrongPlaceChangesTheLogits) {
  const std::vector<std::int32_t> tokens = random_tokens(7, 40, vocab());
  const auto device = make(options_under_test(16, 3));
  const std::vector<std::int32_t> pages = {0, 1, 2};
  const std::vector<float> logits = compute(*device, tokens, 0, pages).logits;
  const auto last_tokens = std::span(tokens).subspan(32);
  const std::vector<std::int32_t> wrong = {0, 0, 2};
  expect_other_logits(compute(*device, last_tokens, 32, wrong).logits, logits);
  expect_same_logits(compute(*device, last_tokens, 32, pages).logits, logits);
}

TEST(Oracle, AStepWaitsForEachLayerBeforeItReadsItsKv) {
  const DeviceOptions options = options_under_test(16, 8);
  const auto device = make(options);
  const std::vector<std::int32_t> tokens = random_tokens(1, 50, vocab());
  const std::vector<std::int32_t> pages = {0, 1, 2, 3};
  const std::vector<std::int32_t> loaded = {4, 5, 6, 7};
  const SequenceResult whole = compute(*device, tokens, 0, pages);
  std::byte* host = device->host_memory().data();
  ASSERT_TRUE(copy_blocks(*device, CopyDirection::out, std::span(pages).first(3), host));

  // A layer's KV is copied in only when the step asks for that layer.
  std::vector<std::int32_t> asked;
  const auto load_layer = [&](std::int32_t layer) {
    asked.push_back(layer);
    CopyJob job;
    for (std::size_t i = 0; i < 3; ++i) {
      job.blocks.push_back({loaded[i], host + static_cast<std::int64_t>(i) * page_bytes(options)});
    }
    job.first_layer = layer;
    job.layers = 1;
    device->copies().post(std::move(job));
    std::vector<std::uint64_t> done;
    ASSERT_TRUE(testing::await_copies(device->copies(), 1, done));
  };
  const SequenceStep sequence{std::span(tokens).subspan(48), 48, loaded, true};
  std::vector<SequenceResult> results;
  device->step({{&sequence, 1}, load_layer}, results);
  EXPECT_THAT(asked, ::testing::ElementsAre(0, 1, 2));
  expect_same_logits(results.at(0).logits, whole.logits);
}

TEST(Oracle, SeedsMakeDifferentModels) {
  const std::vector<std::int32_t> tokens = random_tokens(8, 20, vocab());
  const std::vector<std::int32_t> pages = {0, 1};
  std::vector<std::vector<float>> logits;
  for (const std::uint64_t seed : {1, 2, 1}) {
    DeviceOptions options = options_under_test(16, 2);
    options.seed = seed;
    logits.push_back(compute(*make(options), tokens, 0, pages).logits);
  }
  expect_other_logits(logits[0], logits[1]);
  expect_same_logits(logits[0], logits[2]);
}

}  // namespace
}  // namespace calvo::realrun
