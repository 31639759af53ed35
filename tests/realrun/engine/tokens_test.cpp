#include "realrun/engine/tokens.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

constexpr std::int64_t block = 16;
constexpr std::int32_t vocab = 1000;

RequestSpec request(std::uint64_t id, std::vector<BlockRun> blocks) {
  RequestSpec spec;
  spec.id = RequestId{id};
  spec.blocks = std::move(blocks);
  return spec;
}

std::vector<std::int32_t> tokens(const RequestSpec& spec, std::int64_t from, std::int64_t to,
                                 std::uint64_t seed = 1) {
  std::vector<std::int32_t> all;
  for (std::int64_t i = from; i < to; ++i) all.push_back(token_at(seed, spec, block, i, vocab));
  return all;
}

TEST(Tokens, OfEqualBlocksAreEqualWhoeverAsks) {
  const RequestSpec a = request(1, {{BlockId{5}, 3}});
  const RequestSpec b = request(2, {{BlockId{5}, 2}, {BlockId{90}, 1}});
  EXPECT_EQ(tokens(a, 0, 32), tokens(b, 0, 32));
  EXPECT_NE(tokens(a, 32, 48), tokens(b, 32, 48));
  EXPECT_NE(tokens(a, 0, 16), tokens(a, 16, 32));
}

TEST(Tokens, OfATailWithoutANameAreTheRequestsOwn) {
  const RequestSpec a = request(1, {{BlockId{5}, 1}});
  const RequestSpec b = request(2, {{BlockId{5}, 1}});
  EXPECT_EQ(tokens(a, 16, 64), tokens(a, 16, 64));
  EXPECT_NE(tokens(a, 16, 64), tokens(b, 16, 64));
  EXPECT_NE(tokens(a, 16, 64), tokens(a, 16, 64, 2));
}

TEST(Tokens, StayBelowTheVocabularyAndReachAllOfIt) {
  const RequestSpec spec = request(1, {{BlockId{0}, 100}});
  std::set<std::int32_t> seen;
  for (std::int64_t i = 0; i < 1600; ++i) seen.insert(token_at(3, spec, block, i, 8));
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 7);
  EXPECT_EQ(seen.size(), 8U);
}

}  // namespace
}  // namespace calvo::realrun
