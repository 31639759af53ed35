#include "traces/closed_loop.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "tests/traces/play.hpp"

namespace calvo::traces {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* small = "agentic_coding_weka_small48.tsv.gz";
const std::string header =
    "session\tstream\tspawn_after\treq\tt_ms\tthink_ms\tapi_ms\tttft_ms\tin_tok\tout_"
    "tok\tkind\tstop\t"
    "model\truns\n";

std::unique_ptr<Workload> closed_loop(const std::string& file, const ClosedLoopOptions& closed,
                                      std::uint64_t seed = 1) {
  WorkloadOptions options;
  options.trace.file = file;
  options.trace.closed = closed;
  return make_workload(options, Tokens{64}, seed);
}

std::map<std::uint64_t, Stay> by_id(const std::vector<Stay>& stays) {
  std::map<std::uint64_t, Stay> result;
  for (const Stay& stay : stays) result[raw(stay.id)] = stay;
  return result;
}

std::string row(int session, int stream, int spawn_after, int req, int t_ms, int think_ms,
                int api_ms, char kind, int input = 640, int output = 10) {
  std::string text;
  for (const int value :
       {session, stream, spawn_after, req, t_ms, think_ms, api_ms, -1, input, output}) {
    text += std::to_string(value) + "\t";
  }
  return text + kind + "\tt\t0\t1+" + std::to_string(input / 64) + "\n";
}

// Main 0, 1 (spawns two sub-agents), 2; the sub-agents took 20 s and 8 s of the 60 s gap.
const std::string family =
    header + row(1, 0, -1, 0, 0, 0, 1000, 'u') + row(1, 0, -1, 1, 11'000, 10'000, 2000, 'r') +
    row(1, 0, -1, 2, 73'000, 60'000, 1000, 'r') + row(1, 1, 1, 0, 13'000, 0, 5000, 'u') +
    row(1, 1, 1, 1, 30'000, 5000, 3000, 'r') + row(1, 2, 1, 0, 14'000, 0, 8000, 'u');

TEST(ClosedLoop, JoinsSubAgentsThatRunBesideEachOther) {
  const TestFolder folder;
  const auto workload = closed_loop(folder.write("t.tsv", family), {.start_jitter_s = 0});
  // Ids: main 0, main 1, sub-agent 1 (2, 3), sub-agent 2 (4), main 2 (5).
  const auto stays = by_id(play(*workload, [](const RequestSpec& request) {
    return raw(request.id) == 3 ? seconds{30} : seconds{1};
  }));
  ASSERT_EQ(stays.size(), 6U);
  const auto at = [&](std::uint64_t id) {
    return std::chrono::duration_cast<milliseconds>(stays.at(id).arrival.time_since_epoch());
  };
  EXPECT_EQ(at(0), seconds{0});
  EXPECT_EQ(at(1), seconds{1 + 10 - 3});  // tool gap less the capture's overhead
  EXPECT_EQ(at(2), seconds{9});           // both start when their spawner ends
  EXPECT_EQ(at(4), seconds{9});
  EXPECT_EQ(at(3), seconds{10 + 5 - 3});
  EXPECT_EQ(at(5), seconds{12 + 30 + (60 - 20 - 3)});  // after the last of them, by what was left
  for (const RequestSpec& request : workload->requests()) EXPECT_EQ(raw(request.session), 0U);
  EXPECT_EQ(workload->requests()[5].turn, 2);
}

TEST(ClosedLoop, LeavesOutSubAgentsOnRequest) {
  const TestFolder folder;
  const auto workload =
      closed_loop(folder.write("t.tsv", family), {.start_jitter_s = 0, .sub_agents = false});
  const auto stays = play(*workload, [](const RequestSpec&) { return seconds{1}; });
  ASSERT_EQ(stays.size(), 3U);
  EXPECT_EQ(stays[2].arrival, stays[1].end + seconds{60 - 20 - 3});
}

TEST(ClosedLoop, AppliesTheRulesOfThinkTimes) {
  const TestFolder folder;
  const std::string text = header + row(1, 0, -1, 0, 0, 0, 0, 'u') +
                           row(1, 0, -1, 1, 0, 2000, 0, 'r') +     // below the overhead
                           row(1, 0, -1, 2, 0, 500'000, 0, 'u') +  // above the cap
                           row(1, 0, -1, 3, 0, -1, 0, 'u');        // drawn: 500 s, then capped
  const auto stays_with = [&](ClosedLoopOptions options) {
    options.start_jitter_s = 0;
    return play(*closed_loop(folder.write("t.tsv", text), options),
                [](const RequestSpec&) { return seconds{1}; });
  };
  const auto stays = stays_with({});
  EXPECT_EQ(stays[1].arrival - stays[0].end, milliseconds{50});
  EXPECT_EQ(stays[2].arrival - stays[1].end, seconds{60});
  EXPECT_EQ(stays[3].arrival - stays[2].end, seconds{60});
  const auto uncapped = stays_with({.user_gap_cap_s = 0, .tool_overhead_s = 1, .think_scale = 0.5});
  EXPECT_EQ(uncapped[1].arrival - uncapped[0].end, milliseconds{500});
  EXPECT_EQ(uncapped[2].arrival - uncapped[1].end, seconds{250});
  EXPECT_EQ(uncapped[3].arrival - uncapped[2].end, seconds{250});
}

TEST(ClosedLoop, KeepsTheSameNumberOfSessionsAliveUntilTheTraceEnds) {
  const auto workload = closed_loop(shipped(small), {.live_sessions = 10});
  const auto stays = play(
      *workload, [](const RequestSpec& request) { return milliseconds{request.input.count()}; });
  ASSERT_EQ(stays.size(), 2232U);
  std::map<std::uint64_t, std::pair<Instant, Instant>> sessions;
  for (const Stay& stay : stays) {
    const auto session = raw(workload->requests()[static_cast<std::size_t>(raw(stay.id))].session);
    auto& [begin, end] = sessions.try_emplace(session, stay.arrival, stay.end).first->second;
    begin = std::min(begin, stay.arrival);
    end = std::max(end, stay.end);
  }
  ASSERT_EQ(sessions.size(), 48U);
  std::multiset<Instant> ends;
  for (std::uint64_t s = 0; s < 48; ++s) {
    if (s >= 10) {
      EXPECT_EQ(sessions[s].first, *ends.begin()) << s;  // at the first end among the live ones
      ends.erase(ends.begin());
    }
    ends.insert(sessions[s].second);
  }
}

TEST(ClosedLoop, RefusesThinkTimesLongerThanTheLongestRun) {
  const TestFolder folder;
  const std::string file = folder.write("t.tsv", family);
  try {
    closed_loop(file, {.think_scale = 1e12});
    FAIL();
  } catch (const BadOption& wrong) {
    EXPECT_STREQ(wrong.what(),
                 "closed.think_scale: puts a request at 7e+12 s, beyond the longest run, 8388608 s "
                 "(97 days); lower it");
  }
}

TEST(ClosedLoop, SpreadsTheFirstStartsOverOneMeanThinkTime) {
  const auto workload = closed_loop(shipped(small), {.live_sessions = 48});
  const auto due = workload->start();
  ASSERT_EQ(due.size(), 48U);
  EXPECT_TRUE(std::ranges::is_sorted(due, {}, &Due::at));
  EXPECT_GT(due.front().at, Instant{});
  EXPECT_GT(due.back().at, Instant{seconds{5}});  // mean think time with caps: about 10 s
  EXPECT_LT(due.back().at, Instant{seconds{60}});
  const auto again = closed_loop(shipped(small), {.live_sessions = 48})->start();
  const auto other = closed_loop(shipped(small), {.live_sessions = 48}, 2)->start();
  EXPECT_EQ(again.front().at, due.front().at);
  EXPECT_NE(other.front().at, due.front().at);
}

TEST(ClosedLoop, SharesTheConfiguredPartOfToolsAndSystemPrompt) {
  const auto first_hits = [](double share) {
    const auto workload = closed_loop(shipped(small), {.shared_prefix = share});
    std::int64_t hits = 0;
    for (const RequestSpec& request : workload->requests()) {
      if (request.turn == 0 && raw(request.session) == 1) hits = request.pool_hit_blocks;
      if (raw(request.session) > 1) break;
    }
    return hits;
  };
  EXPECT_EQ(first_hits(0), 0);
  // Sessions 2 and 5 of the trace begin with 12,448 + 2,882 and with 15,345 tokens or so: the
  // shorter decides.
  EXPECT_GT(first_hits(0.5), 80);
  EXPECT_NEAR(static_cast<double>(first_hits(1)), 2.0 * static_cast<double>(first_hits(0.5)), 2);
}

TEST(ClosedLoop, TruncatesOrDropsSessionsAboveTheContextLimit) {
  constexpr std::int64_t limit = 80'000;
  const auto whole = closed_loop(shipped(small), {});
  std::set<std::uint64_t> too_long;
  std::set<std::uint64_t> too_long_at_once;
  for (const RequestSpec& request : whole->requests()) {
    if ((request.input + request.output).count() <= limit) continue;
    if (!too_long.contains(raw(request.session)) && request.turn == 0) {
      too_long_at_once.insert(raw(request.session));
    }
    too_long.insert(raw(request.session));
  }
  ASSERT_GT(too_long.size(), 5U);
  ASSERT_LT(too_long.size(), 48U);

  const auto truncated = closed_loop(shipped(small), {.max_context = Tokens{limit}});
  EXPECT_EQ(raw(truncated->requests().back().session), 47 - too_long_at_once.size());
  for (const RequestSpec& request : truncated->requests()) {
    EXPECT_LE((request.input + request.output).count(), limit);
  }
  const auto dropped = closed_loop(
      shipped(small), {.max_context = Tokens{limit}, .over_context = ContextLimit::drop});
  EXPECT_EQ(raw(dropped->requests().back().session), 47 - too_long.size());
  const auto stays = play(*truncated, [](const RequestSpec&) { return seconds{1}; });
  EXPECT_EQ(stays.size(), truncated->requests().size());
}

TEST(ClosedLoop, StopsAtTheLimitsOfSessionsRequestsAndTurns) {
  const auto count = [](const ClosedLoopOptions& options) {
    const auto workload = closed_loop(shipped(small), options);
    const auto stays = play(*workload, [](const RequestSpec&) { return seconds{1}; });
    EXPECT_EQ(stays.size(), workload->requests().size());  // every request comes to play
    return stays.size();
  };
  EXPECT_EQ(count({}), 2232U);
  EXPECT_EQ(count({.max_requests = 100}), 100U);
  EXPECT_EQ(count({.sub_agents = false, .max_sessions = 3, .max_turns = 4}), 12U);
  EXPECT_LT(count({.skip_sessions = 40}), 600U);
}

TEST(ClosedLoop, AppendsToTheConversationOfTheTurnBefore) {
  const auto workload = closed_loop(shipped(small), {});
  std::int64_t continued = 0;
  std::int64_t turns = 0;
  const RequestSpec* before = nullptr;
  for (const RequestSpec& request : workload->requests()) {
    if (before != nullptr && request.session == before->session &&
        request.turn == before->turn + 1) {
      ++turns;
      const std::int64_t whole = (before->input + before->output).count() / 64;
      if (request.pool_hit_blocks >= std::min<std::int64_t>(whole, request.prompt_blocks)) {
        ++continued;
      }
    }
    before = &request;
  }
  // All but context edits and turns whose prompt holds fewer tokens than prompt and answer before.
  EXPECT_GT(turns, 2000);
  EXPECT_GT(static_cast<double>(continued), 0.9 * static_cast<double>(turns));
}

TEST(ClosedLoop, RefusesATraceWithDatesAndOptionsThatLeaveNothing) {
  const TestFolder folder;
  const std::string file = folder.write(
      "t.jsonl", R"({"timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})");
  WorkloadOptions options;
  options.trace.file = file;
  options.trace.play = Play::closed_loop;
  EXPECT_EQ(folder.error_of([&] { make_workload(options, Tokens{64}, 1); }),
            "t.jsonl:0:0: its requests have dates and cannot be played closed_loop; play it "
            "open_loop");
  const std::string sessions = folder.write("t.tsv", family);
  EXPECT_EQ(folder.error_of([&] { closed_loop(sessions, {.skip_sessions = 1}); }),
            "t.tsv:0:0: no session is left; lower skip_sessions or raise max_context");
  options.trace.file = sessions;
  options.trace.play = Play::open_loop;
  EXPECT_EQ(folder.error_of([&] { make_workload(options, Tokens{64}, 1); }),
            "t.tsv:0:0: its sessions have no dates and cannot be played open_loop; play it "
            "closed_loop");
}

}  // namespace
}  // namespace calvo::traces
