#include "traces/named_requests.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {
namespace {

std::vector<std::uint64_t> ids_of(const RequestSpec& request) {
  std::vector<std::uint64_t> ids;
  for (const BlockRun& run : request.blocks) {
    for (std::int32_t i = 0; i < run.count; ++i) {
      ids.push_back(raw(block_of(run, i)));
    }
  }
  return ids;
}

std::unique_ptr<Workload> workload_of(const std::string& file, std::int64_t block) {
  WorkloadOptions options;
  options.trace.file = file;
  return make_workload(options, Tokens{block}, 1);
}

const std::string conversation =
    R"({"session_id": 1, "timestamp": 0, "input_length": 1100, "output_length": 1000, "hash_ids": [0, 1, 2]})"
    "\n"
    R"({"session_id": 1, "delay": 1000, "input_length": 2500, "output_length": 100, "hash_ids": [0, 1, 3, 4, 5]})"
    "\n";

TEST(NamedRequests, GiveOutputsTheNamesOfTheNextPrompt) {
  const TestFolder folder;
  const auto workload = workload_of(folder.write("t.jsonl", conversation), 100);
  const auto requests = workload->requests();
  const auto first = ids_of(requests[0]);
  const auto second = ids_of(requests[1]);
  EXPECT_EQ(requests[0].prompt_blocks, 11);
  EXPECT_EQ(requests[1].prompt_blocks, 25);
  ASSERT_EQ(first.size(), 21U);  // 2100 tokens
  ASSERT_EQ(second.size(), 26U);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), second.begin()));
  EXPECT_EQ(requests[1].pool_hit_blocks, 21);
}

TEST(NamedRequests, GiveOutputsBeyondTheNextPromptNamesOfTheirOwn) {
  const TestFolder folder;
  std::string text = conversation;
  text.replace(text.find("\"output_length\": 1000"), 21, "\"output_length\": 2000");
  const auto workload = workload_of(folder.write("t.jsonl", text), 100);
  const auto first = ids_of(workload->requests()[0]);
  const auto second = ids_of(workload->requests()[1]);
  ASSERT_EQ(first.size(), 31U);  // 3100 tokens, the next prompt has 2500
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 25, second.begin()));
  const std::set<std::uint64_t> later(first.begin() + 25, first.end());
  for (const std::uint64_t id : second) EXPECT_FALSE(later.contains(id));
}

TEST(NamedRequests, GiveOutputsFreshNamesWhereTheNextPromptIsAnother) {
  const TestFolder folder;
  std::string text = conversation;
  text.replace(text.find("[0, 1, 3"), 8, "[0, 7, 3");
  const auto workload = workload_of(folder.write("t.jsonl", text), 512);
  EXPECT_EQ(ids_of(workload->requests()[0]), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(ids_of(workload->requests()[1]), (std::vector<std::uint64_t>{0, 4, 5, 6, 7}));
  EXPECT_EQ(workload->requests()[1].pool_hit_blocks, 1);
}

// The hits of an infinite pool, counted by brute force on real traces.
class PoolHits : public ::testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(PoolHits, EqualASetOfAllBlocksSeen) {
  const auto workload = workload_of(shipped(GetParam().first), GetParam().second);
  std::set<std::uint64_t> seen;
  std::int64_t total = 0;
  for (const RequestSpec& request : workload->requests()) {
    const auto ids = ids_of(request);
    ASSERT_EQ(std::ssize(ids), (request.input + request.output).count() / GetParam().second);
    ASSERT_EQ(request.prompt_blocks, request.input.count() / GetParam().second);
    std::int32_t hits = 0;
    while (hits < request.prompt_blocks && seen.contains(ids[static_cast<std::size_t>(hits)])) {
      ++hits;
    }
    ASSERT_EQ(request.pool_hit_blocks, hits) << "request " << raw(request.id);
    seen.insert(ids.begin(), ids.end());
    total += hits;
  }
  EXPECT_GT(total, 0);
}

INSTANTIATE_TEST_SUITE_P(Trace, PoolHits,
                         ::testing::Values(std::pair{"mooncake_synthetic_trace.jsonl.gz", 512},
                                           std::pair{"mooncake_synthetic_trace.jsonl.gz", 96},
                                           std::pair{"agentic_coding_weka_small48.tsv.gz", 256}),
                         [](const auto& param) {
                           return std::string(param.param.first).substr(0, 8) +
                                  std::to_string(param.param.second);
                         });

TEST(NamedRequests, AgreeOnHitsForEveryBlockSizeThatDividesTheTraces) {
  const auto coarse = workload_of(shipped("mooncake_synthetic_trace.jsonl.gz"), 512);
  const auto fine = workload_of(shipped("mooncake_synthetic_trace.jsonl.gz"), 16);
  for (std::size_t i = 0; i < coarse->requests().size(); ++i) {
    const std::int32_t hits = fine->requests()[i].pool_hit_blocks;
    ASSERT_EQ(hits / 32, coarse->requests()[i].pool_hit_blocks) << "request " << i;
  }
}

}  // namespace
}  // namespace calvo::traces
