#include "traces/trace_info.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/traces/files.hpp"

namespace calvo::traces {
namespace {

TEST(TraceInfo, DescribesTheMooncakeConversations) {
  const TraceInfo info = trace_info(shipped("mooncake_conversation_trace.jsonl.gz"));
  EXPECT_EQ(info.requests, 12'031);
  EXPECT_EQ(info.block_tokens, 512);
  EXPECT_EQ(info.input.p50, 6909);
  EXPECT_EQ(info.input.max, 126'195);
  EXPECT_EQ(info.output.p50, 350);
  EXPECT_NEAR(info.rate, 3.4, 0.01);
  EXPECT_NEAR(info.gap_cv, 3.03, 0.01);
  EXPECT_EQ(info.at_same_time, 10'851);
  EXPECT_EQ(info.sessions, 0);
  EXPECT_NEAR(info.prefix.token_ratio(), 0.3736, 0.0001);
}

TEST(TraceInfo, DescribesAgenticSessions) {
  const TraceInfo info = trace_info(shipped("agentic_coding_weka.tsv.gz"));
  EXPECT_EQ(info.requests, 36'725);
  EXPECT_EQ(info.sessions, 570);
  EXPECT_EQ(info.sub_agents, 63);
  EXPECT_TRUE(info.closed_loop);
  EXPECT_EQ(info.span_s, 0);
  EXPECT_EQ(info.appended.p50, 705);
  EXPECT_EQ(info.think_tool_s.p50, 9);
  EXPECT_EQ(info.think_user_s.p50, 127);
}

TEST(TraceInfo, MeasuresBursts) {
  const TraceInfo info = trace_info(shipped("AzureLLMInferenceTrace_code.csv.gz"));
  EXPECT_NEAR(info.gap_cv, 13.15, 0.01);
  EXPECT_GT(info.peak_10s, 10);
  EXPECT_LT(info.peak_60s, info.peak_10s);
}

const std::string four_requests =
    R"({"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [0, 1]})"
    "\n"
    R"({"timestamp": 1000, "input_length": 1024, "output_length": 2, "hash_ids": [0, 2]})"
    "\n"
    R"({"timestamp": 1000, "input_length": 512, "output_length": 3, "hash_ids": [0]})"
    "\n"
    R"({"timestamp": 4000, "input_length": 512, "output_length": 10, "hash_ids": [9]})"
    "\n";

TEST(TraceInfo, RendersATable) {
  const TestFolder folder;
  TraceInfo info = trace_info(folder.write("t.jsonl", four_requests),
                              {.read = {}, .shared_prefix = 0.75, .lru = {1, infinite_blocks}});
  info.file = "t.jsonl";
  EXPECT_EQ(render_text(info),
            R"(trace     t.jsonl
format    mooncake, blocks of 512 tokens, open loop
requests  4: 2648 input and 16 output tokens
arrivals  0.75 /s over 4.0 s; gap CV 0.94; busiest 10 s 1.0 x, minute 1.0 x the mean; 1 at the date of the one before

                        mean        p50        p90        p99        max
input tokens           662.0      512.0     1024.0     1024.0     1024.0
output tokens            4.0        2.0       10.0       10.0       10.0

LRU prefix cache   block hit  token hit    hit blocks      hit tokens
1 blocks              0.3333     0.3867             2            1024
inf blocks            0.3333     0.3867             2            1024
)");
}

TEST(TraceInfo, RendersTheSameAsJson) {
  const TestFolder folder;
  const TraceInfo info = trace_info(folder.write("t.jsonl", four_requests),
                                    {.read = {}, .shared_prefix = 0.75, .lru = {1}});
  const auto json = nlohmann::json::parse(render_json(info));
  EXPECT_EQ(json["requests"], 4);
  EXPECT_EQ(json["input"]["p90"], 1024);
  EXPECT_EQ(json["prefix"]["capacity"], "inf");
  EXPECT_EQ(json["prefix"]["hit_blocks"], 2);
  EXPECT_EQ(json["lru"][0]["capacity"], "1");
  EXPECT_EQ(json["lru"][0]["hit_tokens"], 1024);
}

}  // namespace
}  // namespace calvo::traces
