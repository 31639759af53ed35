// Whole runs over tcp and the host device.
#include "realrun/engine/realrun.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/engine/canaries.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

class EveryEngine : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryEngine, EndsEveryRequestAndItsLogReplaysToIdenticalCommands) {
  scenarios::Scenario scenario = small_scenario({"engine=" + GetParam()});
  Nodes nodes(scenario, Nodes::Contents::initial);
  const Recorded recorded = record(scenario, options_for(nodes));
  EXPECT_TRUE(recorded.result.run.complete);
  EXPECT_EQ(recorded.result.run.requests.size(), 30U);
  EXPECT_EQ(completed(recorded.result), 30);
  for (const RequestRecord& request : recorded.result.run.requests) {
    const RequestTimes& t = request.times;
    EXPECT_TRUE(t.arrival <= t.lookup_done && t.lookup_done <= t.load_start &&
                t.load_start <= t.network_done && t.network_done <= t.loaded &&
                t.loaded <= t.prefill_start && t.prefill_start < t.first_token &&
                t.first_token <= t.finish);
  }
  EXPECT_EQ(replay_difference(recorded, scenario), "");
  const std::int64_t fetched = recorded.result.run.counters.fetched_blocks;
  EXPECT_EQ(recorded.result.load.verified_blocks, fetched);
  const control::EngineConfig& engine = scenario.engine;
  if (engine.restore == control::Restore::recompute_all) {
    EXPECT_EQ(fetched, 0);
  } else if (engine.restore == control::Restore::load_all &&
             engine.load_stop == control::LoadStop::wait &&
             engine.late != control::Late::recompute) {  // others may find it quicker to compute
    EXPECT_GT(fetched, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryEngine, ::testing::ValuesIn(engine_names()),
                         [](const auto& param) { return param.param; });

/// A trace of sessions, each turn after the one before and a think time.
std::string sessions_file() {
  const std::string path =
      ::testing::TempDir() + "calvo_sessions_" + std::to_string(::getpid()) + ".jsonl";
  std::ofstream file(path);
  for (int session = 0; session < 4; ++session) {
    for (int turn = 0; turn < 4; ++turn) {
      std::string ids;
      for (int block = 0; block < 2 + 2 * turn; ++block) {
        ids += (block > 0 ? ", " : "") + std::to_string(100 * session + block);
      }
      file << R"({"session_id": "s)" << session << R"(", "input_length": )"
           << 16 * (2 + 2 * turn) - 3 << R"(, "output_length": 9, "hash_ids": [)" << ids
           << R"(], "delay_ms": 2, "block_size": 16})"
           << "\n";
    }
  }
  return path;
}

TEST(Realrun, PlaysSessionsInAClosedLoop) {
  const std::string trace = sessions_file();
  scenarios::Scenario scenario = small_scenario(
      {"workload={trace: {file: " + trace +
           ", play: closed_loop, closed: {live_sessions: 2, min_tool: 1 ms, tool_overhead: 0 s, "
           "start_jitter: 0 s}}}",
       "slo={ttft: {factor: [2]}}"});
  const Nodes nodes(scenario, Nodes::Contents::empty);
  const Recorded recorded = record(scenario, options_for(nodes));
  std::filesystem::remove(trace);
  ASSERT_EQ(recorded.result.run.requests.size(), 16U);
  EXPECT_EQ(completed(recorded.result), 16);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
  Instant before = never;
  for (const RequestRecord& request : recorded.result.run.requests) {
    if (request.turn > 0) {
      EXPECT_GT(request.times.arrival, before);
    }
    before = request.times.finish;
  }
}

TEST(Realrun, RunsSeveralInstancesWithADeviceEach) {
  scenarios::Scenario scenario =
      small_scenario({"topology.serving_nodes=2", "routing=round_robin"});
  const Nodes nodes(scenario, Nodes::Contents::initial);
  const Recorded recorded = record(scenario, options_for(nodes));
  EXPECT_EQ(completed(recorded.result), 30);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
  std::int64_t second = 0;
  for (const RequestRecord& request : recorded.result.run.requests) {
    second += request.instance == InstanceId{1} ? 1 : 0;
  }
  EXPECT_EQ(second, 15);
}

TEST(Realrun, RunsWithoutAPool) {
  scenarios::Scenario scenario =
      small_scenario({"topology.storage_nodes=0", "workload.synthetic.hit_fractions=none"});
  RealrunOptions options;
  options.canaries = true;
  const Recorded recorded = record(scenario, options);
  EXPECT_EQ(completed(recorded.result), 30);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
}

TEST(Realrun, UsesSeveralRails) {
  scenarios::Scenario scenario = small_scenario();
  const Nodes nodes(scenario, Nodes::Contents::initial);
  RealrunOptions options = options_for(nodes);
  options.rails = 3;
  const Recorded recorded = record(scenario, options);
  EXPECT_EQ(completed(recorded.result), 30);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
}

TEST(Realrun, TellsResourcesTimelineAndLoad) {
  scenarios::Scenario scenario = small_scenario();
  const Nodes nodes(scenario, Nodes::Contents::initial);
  const RealrunResult real = realrun(scenario, options_for(nodes));
  for (const ResourceUse& use : real.run.resources) {
    EXPECT_GE(use.utilization, 0) << use.name;
    EXPECT_LE(use.utilization, 1) << use.name;
  }
  EXPECT_FALSE(real.run.timeline.empty());
  for (const TimelineSpan& span : real.run.timeline) {
    EXPECT_LE(span.begin, span.end);
    EXPECT_LT(span.track, real.run.tracks.size());
  }
  EXPECT_EQ(real.load.lateness_s.size(), 30U);
  EXPECT_FALSE(real.load.lookup_s.empty());
  EXPECT_FALSE(real.load.lease_s.empty());
}

TEST(Realrun, EndsEarlyWhenAskedToAndSaysSo) {
  // Takes minutes if nobody stops it.
  scenarios::Scenario scenario =
      small_scenario({"workload.synthetic.arrival.rate=20 /s", "workload.synthetic.count=20000"});
  const Nodes nodes(scenario, Nodes::Contents::empty);
  RealrunOptions options = options_for(nodes);
  options.progress = [](std::int64_t ended_so_far, std::int64_t, double) {
    if (ended_so_far > 3) request_stop();
  };
  const RealrunResult result = realrun(scenario, options);
  EXPECT_FALSE(result.run.complete);
  EXPECT_GT(ended(result), 3);
  EXPECT_LT(result.run.requests.size(), 20000U);
}

TEST(Realrun, DoesNotWaitForPacesWhenItIsToEnd) {
  struct Pace {
    double copy, step;  ///< ages, or nothing
  };
  for (const Pace pace : {Pace{1, 0}, Pace{1e12, 1e6}}) {
    scenarios::Scenario scenario = small_scenario({"simulation.time_limit=500 ms"});
    const Nodes nodes(scenario, Nodes::Contents::initial);
    RealrunOptions options = options_for(nodes);
    options.device_options.copy_pace = BytesPerSecond{pace.copy};
    options.device_options.pace_step = Seconds{pace.step};
    const RealrunResult result = realrun(scenario, options);
    EXPECT_FALSE(result.run.complete) << pace.copy;
  }
}

TEST(Realrun, EndsAtTheTimeLimit) {
  scenarios::Scenario scenario =
      small_scenario({"workload.synthetic.arrival.rate=20 /s", "workload.synthetic.count=20000",
                      "simulation.time_limit=300 ms"});
  const Nodes nodes(scenario, Nodes::Contents::empty);
  const RealrunResult result = realrun(scenario, options_for(nodes));
  EXPECT_FALSE(result.run.complete);
  EXPECT_GE(result.run.end, Instant{Nanoseconds{300'000'000}});
}

TEST(Realrun, AWriteBesideASlotIsFound) {
  std::vector<std::byte> memory(3 * 192);
  Canaries canaries(memory, 192, 128);
  for (std::int32_t slot = 0; slot < 3; ++slot) canaries.paint(slot);
  canaries.check_all_gaps();
  canaries.check_free(1);
  memory[192 + 100] ^= std::byte{1};
  EXPECT_THROW(canaries.check_free(1), ContractViolation);
  canaries.check_all_gaps();
  memory[192 + 130] ^= std::byte{1};
  EXPECT_THROW(canaries.check_all_gaps(), ContractViolation);
}

}  // namespace
}  // namespace calvo::realrun::testing
