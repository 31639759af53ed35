#include "traces/lru_cache.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <unordered_map>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"

namespace calvo::traces {
namespace {

/// The definition, with a list of ids, most recent first, straight from the file's numbers.
struct BruteForce {
  std::int64_t capacity;
  std::list<std::uint64_t> recent;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where;

  std::int64_t request(const std::vector<std::uint64_t>& ids) {
    std::int64_t hits = 0;
    while (hits < std::ssize(ids) && where.contains(ids[static_cast<std::size_t>(hits)])) ++hits;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
      if (const auto found = where.find(*id); found != where.end()) recent.erase(found->second);
      recent.push_front(*id);
      where[*id] = recent.begin();
    }
    while (std::ssize(recent) > capacity) {
      where.erase(recent.back());
      recent.pop_back();
    }
    return hits;
  }
};

class LruCacheOracle : public ::testing::TestWithParam<std::tuple<const char*, std::int64_t>> {};

TEST_P(LruCacheOracle, AgreesWithAListOfIds) {
  const auto [name, capacity] = GetParam();
  const Trace trace = read_trace(shipped(name));
  BruteForce cache{capacity, {}, {}};
  CacheHits expected;
  for (const TraceRequest& request : trace.requests) {
    std::vector<std::uint64_t> ids;
    for (const TraceRun& run : trace.content(request)) {
      for (std::int32_t i = 0; i < run.count; ++i) {
        ids.push_back(run.first + static_cast<std::uint64_t>(i));
      }
    }
    const std::int64_t hits = cache.request(ids);
    expected.blocks += std::ssize(ids);
    expected.hit_blocks += hits;
    expected.tokens += request.input;
    expected.hit_tokens += std::min<std::int64_t>(hits * 512, request.input);
  }
  const CacheHits found = simulate_lru(trace, {capacity}, 0).front();
  EXPECT_EQ(found.blocks, expected.blocks);
  EXPECT_EQ(found.hit_blocks, expected.hit_blocks);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.hit_tokens, expected.hit_tokens);
  EXPECT_GT(found.hit_blocks, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Trace, LruCacheOracle,
    ::testing::Combine(::testing::Values("mooncake_conversation_trace.jsonl.gz",
                                         "mooncake_synthetic_trace.jsonl.gz"),
                       ::testing::Values(10, 1000, 3000, 50'000, infinite_blocks)),
    [](const auto& param) {
      const std::int64_t capacity = std::get<1>(param.param);
      return std::string(std::get<0>(param.param)).substr(9, 4) +
             (capacity == infinite_blocks ? "Inf" : std::to_string(capacity));
    });

TEST(LruCache, KeepsTheHeadOfAPrefixLongest) {
  const TestFolder folder;
  const auto line = [](int blocks, const std::string& ids) {
    return R"({"timestamp": 0, "output_length": 1, "input_length": )" +
           std::to_string(512 * blocks) + ", \"hash_ids\": [" + ids + "]}\n";
  };
  // Capacity 3: the second prompt pushes out the tail of the first, not its head.
  const Trace trace =
      read_trace(folder.write("t.jsonl", line(3, "1, 2, 3") + line(1, "9") + line(3, "1, 2, 3")));
  EXPECT_EQ(simulate_lru(trace, {3}, 0).front().hit_blocks, 2);
}

TEST(LruCache, CapsHitTokensAtThePrompt) {
  const TestFolder folder;
  const std::string line =
      R"({"timestamp": 0, "input_length": 700, "output_length": 1, "hash_ids": [1, 2]})"
      "\n";
  const Trace trace = read_trace(folder.write("t.jsonl", line + line));
  const CacheHits hits = simulate_lru(trace, {infinite_blocks}, 0).front();
  EXPECT_EQ(hits.hit_blocks, 2);
  EXPECT_EQ(hits.hit_tokens, 700);
  EXPECT_DOUBLE_EQ(hits.token_ratio(), 0.5);
}

TEST(LruCache, SharesThePrefixOfSessionsOnlyAsFarAsAsked) {
  const Trace trace = read_trace(shipped("agentic_coding_weka_small48.tsv.gz"));
  const auto hits = [&](double share) {
    return simulate_lru(trace, {infinite_blocks}, share).front().hit_blocks;
  };
  EXPECT_LT(hits(0), hits(0.5));
  EXPECT_LT(hits(0.5), hits(1));
}

TEST(LruCache, ReadsAListOfCapacities) {
  EXPECT_EQ(parse_capacities("1000,3000,inf", "--lru"),
            (std::vector<std::int64_t>{1000, 3000, infinite_blocks}));
  const TestFolder folder;
  EXPECT_EQ(folder.error_of([] { parse_capacities("10,x", "--lru"); }),
            "--lru:1:4: not a number of blocks \"x\"; write a list such as 1000,inf");
  EXPECT_EQ(folder.error_of([] { parse_capacities("0", "--lru"); }),
            "--lru:1:1: not a number of blocks \"0\"; write a list such as 1000,inf");
  EXPECT_EQ(folder.error_of([] { parse_capacities("5,", "--lru"); }),
            "--lru:1:3: not a number of blocks \"\"; write a list such as 1000,inf");
}

}  // namespace
}  // namespace calvo::traces
