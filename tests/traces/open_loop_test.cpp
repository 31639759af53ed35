#include "traces/open_loop.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "tests/traces/play.hpp"
#include "traces/session_links.hpp"

namespace calvo::traces {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* conversation = "mooncake_conversation_trace.jsonl.gz";

std::unique_ptr<Workload> open_loop(const std::string& file, const OpenLoopOptions& open,
                                    std::int64_t block = 512) {
  WorkloadOptions options;
  options.trace.file = file;
  options.trace.open = open;
  return make_workload(options, Tokens{block}, 1);
}

Instant at_ms(std::int64_t ms) {
  return Instant{milliseconds{ms}};
}

TEST(OpenLoop, PlaysEveryRequestAtItsDateWhateverTheSystemDoes) {
  const auto workload = open_loop(shipped(conversation), {});
  const Trace trace = read_trace(shipped(conversation));
  const auto stays = play(*workload, [](const RequestSpec&) { return seconds{1000}; });
  ASSERT_EQ(stays.size(), 12'031U);
  for (std::size_t i = 0; i < stays.size(); ++i) {
    ASSERT_EQ(raw(stays[i].id), i);
    ASSERT_EQ(stays[i].arrival, at_ms(static_cast<std::int64_t>(trace.requests[i].arrival_ms)));
  }
  EXPECT_EQ(stays.front().arrival, Instant{});
}

TEST(OpenLoop, ScalesTheRateAndNothingElse) {
  const auto plain = open_loop(shipped(conversation), {});
  const auto fast = open_loop(shipped(conversation), {.rate_scale = 4});
  plain->start();
  fast->start();
  for (std::size_t i = 0; i < plain->requests().size(); ++i) {
    ASSERT_EQ(fast->requests()[i].arrival.time_since_epoch() * 4,
              plain->requests()[i].arrival.time_since_epoch());
    ASSERT_EQ(fast->requests()[i].blocks, plain->requests()[i].blocks);
  }
}

TEST(OpenLoop, CutsOutAPartAndStartsItsClockThere) {
  const Trace trace = read_trace(shipped(conversation));
  const auto part =
      open_loop(shipped(conversation), {.first_requests = 100, .start_s = 600, .duration_s = 60});
  part->start();
  std::size_t source = 0;
  while (trace.requests[source].arrival_ms < 600'000) ++source;
  ASSERT_EQ(part->requests().size(), 100U);
  for (const RequestSpec& request : part->requests()) {
    const TraceRequest& traced = trace.requests[source++];
    ASSERT_EQ(request.input.count(), traced.input);
    ASSERT_EQ(request.arrival, at_ms(static_cast<std::int64_t>(traced.arrival_ms) - 600'000));
    ASSERT_LT(request.arrival, Instant{seconds{60}});
  }
}

TEST(OpenLoop, RepeatsWithOtherContentsAtTheSameRate) {
  const auto once = open_loop(shipped(conversation), {});
  const auto thrice = open_loop(shipped(conversation), {.repeat = 3});
  once->start();
  const auto due = thrice->start();
  const std::size_t count = once->requests().size();
  ASSERT_EQ(thrice->requests().size(), 3 * count);
  const double span = seconds_of(once->requests().back().arrival);
  EXPECT_NEAR(seconds_of(due.back().at), 3 * span, 0.001 * span);
  std::uint64_t limit = 0;
  for (const RequestSpec& request : once->requests()) {
    for (const BlockRun& run : request.blocks) {
      limit = std::max(limit, raw(block_of(run, run.count)));
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const RequestSpec& first = thrice->requests()[i];
    const RequestSpec& second = thrice->requests()[count + i];
    ASSERT_EQ(raw(second.id), count + i);
    ASSERT_NE(raw(second.session), raw(first.session));
    ASSERT_EQ(second.input, first.input);
    ASSERT_EQ(second.pool_hit_blocks, first.pool_hit_blocks);
    ASSERT_EQ(second.blocks.size(), first.blocks.size());
    for (std::size_t r = 0; r < first.blocks.size(); ++r) {
      ASSERT_EQ(second.blocks[r].count, first.blocks[r].count);
      ASSERT_GE(raw(second.blocks[r].first), limit);
    }
  }
}

TEST(OpenLoop, LeavesOutPromptsAboveTheContextLimit) {
  const auto workload = open_loop(shipped(conversation), {.max_context = Tokens{32'768}});
  const Trace trace = read_trace(shipped(conversation));
  std::size_t expected = 0;
  for (const TraceRequest& request : trace.requests) {
    if (request.input + request.output <= 32'768) ++expected;
  }
  EXPECT_EQ(workload->requests().size(), expected);
  EXPECT_LT(expected, trace.requests.size());
}

const std::string dependent =
    R"({"request_id": "a", "session_id": "s", "timestamp": 0, "input_length": 100, "output_length": 5, "hash_ids": [0]})"
    "\n"
    R"({"request_id": "b", "timestamp": 0, "input_length": 100, "output_length": 5, "hash_ids": [1]})"
    "\n"
    R"({"request_id": "c", "session_id": "s", "delay": 250, "tool_wait_ms": 500, "wait_for": ["b"], "input_length": 200, "output_length": 5, "hash_ids": [2]})"
    "\n"
    R"({"request_id": "d", "session_id": "s", "timestamp": 9000, "input_length": 300, "output_length": 5, "hash_ids": [3]})"
    "\n";

TEST(OpenLoop, WaitsForSessionAndNamedRequestsThenForTheDelayAndTheTool) {
  const TestFolder folder;
  const auto workload = open_loop(folder.write("t.jsonl", dependent), {});
  const auto stays = play(*workload, [](const RequestSpec& request) {
    return raw(request.id) == 1 ? seconds{3} : seconds{1};
  });
  ASSERT_EQ(stays.size(), 4U);
  EXPECT_EQ(stays[2].arrival, at_ms(3750));  // after b at 3 s, not a at 1 s
  EXPECT_EQ(stays[3].arrival, at_ms(9000));  // its timestamp is later than c's end
  const auto requests = workload->requests();
  EXPECT_EQ(raw(requests[0].session), raw(requests[2].session));
  EXPECT_NE(raw(requests[0].session), raw(requests[1].session));
  EXPECT_EQ(requests[3].turn, 2);
}

TEST(OpenLoop, HoldsBackALaterTurnWhoseTimestampHasPassed) {
  const TestFolder folder;
  const auto workload = open_loop(folder.write("t.jsonl", dependent), {});
  const auto stays = play(*workload, [](const RequestSpec&) { return seconds{20}; });
  EXPECT_EQ(stays[3].arrival, at_ms(20'000 + 750 + 20'000));
}

TEST(OpenLoop, LinksTurnsOfConversationsByTheirPrefixes) {
  const auto line = [](int ms, int tokens, const std::string& ids) {
    return "{\"timestamp\": " + std::to_string(ms) + R"(, "output_length": 100, "input_length": )" +
           std::to_string(tokens) + ", \"hash_ids\": [" + ids + "]}\n";
  };
  const TestFolder folder;
  const std::string file = folder.write(
      "t.jsonl", line(0, 1100, "0, 1, 2") + line(500, 600, "0, 3") +
                     line(9000, 2000, "0, 1, 4, 5") + line(10'000, 2600, "0, 1, 4, 6, 7, 8") +
                     line(60'000, 2700, "0, 1, 4, 9, 10, 11"));
  const auto links = link_sessions(read_trace(file));
  EXPECT_EQ(links[0].previous, -1);
  EXPECT_EQ(links[1].previous, -1);  // one full block is too little
  EXPECT_EQ(links[2].previous, 0);
  EXPECT_DOUBLE_EQ(links[2].gap_ms, 9000 - 500 - 30 * 100);
  EXPECT_EQ(links[3].previous, 2);
  EXPECT_DOUBLE_EQ(links[3].gap_ms, 500);  // at least half a second
  EXPECT_EQ(links[4].previous, 2);         // 6 is not in its prompt

  const auto workload = open_loop(file, {.link_sessions = true});
  const auto stays = play(*workload, [](const RequestSpec&) { return seconds{100}; });
  EXPECT_EQ(stays[1].arrival, at_ms(500));
  EXPECT_EQ(raw(stays[2].id), 2U);
  EXPECT_EQ(stays[2].arrival, at_ms(100'000 + 5500));
  EXPECT_EQ(raw(workload->requests()[3].session), raw(workload->requests()[0].session));
  EXPECT_EQ(workload->requests()[3].turn, 2);
}

TEST(OpenLoop, FindsConversationsInTheRealTrace) {
  const auto links = link_sessions(read_trace(shipped(conversation)));
  std::int64_t linked = 0;
  for (const SessionLink& link : links) linked += link.previous >= 0 ? 1 : 0;
  EXPECT_GT(linked, 2000);
  EXPECT_LT(linked, 8000);
}

TEST(OpenLoop, RefusesARateThatTakesLongerThanTheLongestRun) {
  const auto field = [](const OpenLoopOptions& open) {
    try {
      open_loop(shipped(conversation), open);
    } catch (const BadOption& wrong) {
      return std::string(wrong.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(field({.rate_scale = 1e-300}),
            "open.rate_scale: puts a request at 3e+300 s, beyond the longest run, 8388608 s (97 "
            "days); raise it, or play less of the trace (open.duration, open.first_requests, "
            "open.repeat)");
  EXPECT_TRUE(
      field({.repeat = 1'000'000}).starts_with("open.rate_scale: puts a request at 3.54e+09 s"));
}

TEST(OpenLoop, RefusesWhatLeavesNothing) {
  const TestFolder folder;
  const std::string file = folder.write("t.jsonl", dependent);
  EXPECT_EQ(folder.error_of([&] { open_loop(file, {.start_s = 100}); }),
            "t.jsonl:0:0: no request is left; lower start_s or raise duration_s and max_context");
  EXPECT_EQ(folder.error_of([&] { open_loop(file, {.link_sessions = true}); }),
            "t.jsonl:0:0: has sessions already; leave out link_sessions");
}

}  // namespace
}  // namespace calvo::traces
