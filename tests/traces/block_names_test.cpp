#include "traces/block_names.hpp"

#include <map>
#include <random>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::traces {
namespace {

using Content = std::vector<ContentRun>;

std::vector<std::uint64_t> ids_of(const std::vector<BlockRun>& runs) {
  std::vector<std::uint64_t> ids;
  for (const BlockRun& run : runs) {
    for (std::int32_t i = 0; i < run.count; ++i) ids.push_back(raw(block_of(run, i)));
  }
  return ids;
}

TEST(BlockNames, AreConsecutiveForBlocksFirstSeenInARow) {
  BlockNames names(Tokens{512}, Tokens{16});
  BlockNames::Stream stream;
  std::vector<BlockRun> out;
  names.name(stream, Content{{0, 10, 2}, {0, 90, 1}}, Tokens{3 * 512}, out);
  EXPECT_EQ(out, (std::vector<BlockRun>{{BlockId{0}, 96}}));
}

TEST(BlockNames, BranchWhereContentsDo) {
  BlockNames names(Tokens{64}, Tokens{64});
  BlockNames::Stream stream;
  std::vector<BlockRun> a;
  std::vector<BlockRun> b;
  names.name(stream, Content{{0, 1, 3}}, Tokens{192}, a);
  names.name(stream, Content{{0, 1, 2}, {0, 9, 2}}, Tokens{256}, b);
  EXPECT_EQ(ids_of(a), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(ids_of(b), (std::vector<std::uint64_t>{0, 1, 3, 4}));
}

TEST(BlockNames, LeaveOutABlockThatIsNotFull) {
  BlockNames names(Tokens{64}, Tokens{48});
  BlockNames::Stream stream;
  std::vector<BlockRun> out;
  names.name(stream, Content{{0, 1, 3}}, Tokens{191}, out);
  EXPECT_EQ(block_count(out), 3);
}

TEST(BlockNames, RefuseMoreTokensThanTheContentHas) {
  BlockNames names(Tokens{64}, Tokens{16});
  BlockNames::Stream stream;
  std::vector<BlockRun> out;
  EXPECT_THROW(names.name(stream, Content{{0, 1, 1}}, Tokens{128}, out), ContractViolation);
}

// Property: equal ids exactly for equal prefixes, by comparison with prefixes written out token by
// token as (space, trace id, offset). Prompts come from one stream or another, in any order.
struct Sizes {
  std::int64_t engine;
  std::int64_t trace;
};

class BlockNamesProperty : public ::testing::TestWithParam<std::tuple<Sizes, unsigned>> {};

TEST_P(BlockNamesProperty, EqualIdsMeanEqualPrefixes) {
  const auto [sizes, seed] = GetParam();
  std::mt19937 random(seed);
  BlockNames names(Tokens{sizes.trace}, Tokens{sizes.engine});
  BlockNames::Stream streams[3];

  using Token = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;
  std::map<std::vector<Token>, std::uint64_t> id_of;
  std::map<std::uint64_t, std::vector<Token>> prefix_of;
  std::vector<Content> made;
  for (int round = 0; round < 30; ++round) {
    Content content;
    if (!made.empty() && random() % 3 != 0) {  // a part of an earlier prompt, then something new
      content = made[random() % made.size()];
      content.resize(random() % (content.size() + 1));
    }
    const std::size_t news = random() % 3;
    for (std::size_t i = 0; i < news || content.empty(); ++i) {
      content.push_back({random() % 2, random() % 6, 1 + static_cast<std::int32_t>(random() % 3)});
    }
    made.push_back(content);
    std::vector<Token> tokens;
    for (const ContentRun& run : content) {
      for (std::int64_t t = 0; t < run.count * sizes.trace; ++t) {
        tokens.emplace_back(run.space, run.first + static_cast<std::uint64_t>(t / sizes.trace),
                            t % sizes.trace);
      }
    }
    tokens.resize(tokens.size() - random() % static_cast<std::size_t>(sizes.trace));
    std::vector<BlockRun> out;
    names.name(streams[random() % 3], content, Tokens{std::ssize(tokens)}, out);
    const auto ids = ids_of(out);
    ASSERT_EQ(std::ssize(ids), std::ssize(tokens) / sizes.engine);
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const auto end = static_cast<std::ptrdiff_t>(k + 1) * sizes.engine;
      const std::vector<Token> prefix(tokens.begin(), tokens.begin() + end);
      ASSERT_EQ(id_of.try_emplace(prefix, ids[k]).first->second, ids[k]) << "round " << round;
      ASSERT_EQ(prefix_of.try_emplace(ids[k], prefix).first->second, prefix) << "round " << round;
      ASSERT_LT(ids[k], names.id_limit());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, BlockNamesProperty,
                         ::testing::Combine(::testing::Values(Sizes{16, 512}, Sizes{512, 64},
                                                              Sizes{48, 64}, Sizes{64, 64},
                                                              Sizes{7, 3}, Sizes{3, 7}),
                                            ::testing::Range(0U, 10U)),
                         [](const auto& param) {
                           const Sizes sizes = std::get<0>(param.param);
                           return "Engine" + std::to_string(sizes.engine) + "Trace" +
                                  std::to_string(sizes.trace) + "Seed" +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace calvo::traces
