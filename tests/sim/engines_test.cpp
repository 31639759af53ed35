// Each named engine on the whole simulator: same seed same bytes, replay, estimates and truth.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/event_log.hpp"
#include "core/random.hpp"
#include "scenarios/load.hpp"
#include "sim/simulate.hpp"

namespace calvo::sim {
namespace {

const std::string source = CALVO_SOURCE_DIR;

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const auto& row : scenarios::list_engines(scenarios::default_search_path())) {
    // Rungs of the ladder are made of the switches of the others, but for the first and the last.
    const bool rung = row.description.starts_with("Ladder");
    if (!rung || row.name == "b1_sync" || row.name == "b10_soonest") names.push_back(row.name);
  }
  return names;
}

/// A little of the agentic trace on two instances that cannot keep it, with decode.
scenarios::Scenario agents(const std::string& engine, std::vector<std::string> more = {}) {
  scenarios::LoadOptions options;
  options.overrides = {
      "simulation.flow_backend=pure",
      "workload.trace.file=" + source + "/data/traces/agentic_coding_weka_small48.tsv.gz",
      "workload.trace.closed.max_requests=400",
      "workload.trace.closed.live_sessions=12",
      "memory.host=16 GiB",
      "hardware.gpu=H100",
      "engine=" + engine};
  options.overrides.insert(options.overrides.end(), more.begin(), more.end());
  return scenarios::load_scenario(source + "/scenarios/examples/demo.yaml", options);
}

struct Recorded {
  RunResult result;
  std::vector<std::byte> log;
};

Recorded record(scenarios::Scenario& scenario) {
  Recorded recorded;
  SimulateOptions options;
  options.event_log_sink = [&](std::span<const std::byte> bytes) {
    recorded.log.insert(recorded.log.end(), bytes.begin(), bytes.end());
  };
  recorded.result = simulate(scenario, options);
  return recorded;
}

control::ReplayReport replay(const Recorded& recorded, const scenarios::Scenario& scenario) {
  return control::replay(recorded.log, "log", scenario.engine, scenario.instance,
                         scenario.topology.serving_nodes * scenario.topology.instances_per_node,
                         scenario.routing, *scenario.estimates);
}

std::vector<Instant> dates(const RunResult& result) {
  std::vector<Instant> all;
  for (const RequestRecord& request : result.requests) {
    all.push_back(request.times.first_token);
    all.push_back(request.times.finish);
  }
  return all;
}

double mean_ttft(const RunResult& result) {
  double sum = 0;
  for (const RequestRecord& request : result.requests) {
    sum += seconds_of(request.times.first_token) - seconds_of(request.times.arrival);
  }
  return sum / static_cast<double>(result.requests.size());
}

class EveryEngine : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryEngine, EndsEveryRequestAndSplitsItsTtftWithoutRest) {
  scenarios::Scenario scenario = agents(GetParam());
  const RunResult result = simulate(scenario);
  ASSERT_EQ(result.requests.size(), 400U);
  EXPECT_TRUE(result.complete);
  for (const RequestRecord& request : result.requests) {
    EXPECT_EQ(request.outcome, Outcome::completed);
    const RequestTimes& t = request.times;
    EXPECT_TRUE(t.arrival <= t.lookup_done && t.lookup_done <= t.load_start &&
                t.load_start <= t.network_done && t.network_done <= t.loaded &&
                t.loaded <= t.prefill_start && t.prefill_start < t.first_token &&
                t.first_token <= t.finish);
    EXPECT_LT(request.cached, request.input);
  }
}

TEST_P(EveryEngine, GivesTheSameDatesForTheSameSeed) {
  scenarios::Scenario first = agents(GetParam());
  scenarios::Scenario second = agents(GetParam());
  EXPECT_EQ(dates(simulate(first)), dates(simulate(second)));
}

TEST_P(EveryEngine, ReplaysItsEventLogToIdenticalCommands) {
  scenarios::Scenario scenario = agents(GetParam());
  const Recorded recorded = record(scenario);
  const control::ReplayReport report = replay(recorded, scenario);
  EXPECT_GT(report.batches, 1000);
  EXPECT_FALSE(report.difference.has_value());
}

TEST_P(EveryEngine, DecidesFromEventsAndNotFromTheTruth) {
  // The truth is noisy in the run that makes the log; the reducers that replay it have none.
  scenarios::Scenario noisy = agents(GetParam(), {"simulation.truth_noise=0.3"});
  const Recorded recorded = record(noisy);
  scenarios::Scenario exact = agents(GetParam());
  EXPECT_NE(dates(recorded.result), dates(simulate(exact)));
  EXPECT_FALSE(replay(recorded, exact).difference.has_value());
}

/// Three nodes that are slow, so that much is under way, and gone for 0.3 s in every 2 s.
std::string faults_without_end() {
  std::string list = "faults=[";
  for (int node = 0; node < 3; ++node) {
    list += fmt::format("{{node: {}, kind: slow, at: 0 s, factor: 0.05}}, ", node);
    for (int i = 0; i < 60; ++i) {
      const double at = 2 * i + 0.7 * node;
      list += fmt::format("{{node: {}, kind: down, at: {:.1f} s, until: {:.1f} s}}, ", node, at,
                          at + 0.3);
    }
  }
  return list + "]";
}

TEST_P(EveryEngine, EndsEveryRequestAndReplaysWhileStorageNodesComeAndGo) {
  for (const char* replicas : {"1", "2"}) {
    SCOPED_TRACE(replicas);
    scenarios::Scenario scenario =
        agents(GetParam(), {"topology.storage_nodes=3", "memory.storage_extent=8",
                            std::string("memory.storage_replicas=") + replicas,
                            "simulation.fetch_timeout=100 ms", faults_without_end()});
    const Recorded recorded = record(scenario);
    ASSERT_EQ(recorded.result.requests.size(), 400U);
    for (const RequestRecord& request : recorded.result.requests) {
      EXPECT_EQ(request.outcome, Outcome::completed);
    }
    const Counters& counters = recorded.result.counters;
    const bool loads = scenario.engine.restore != control::Restore::recompute_all;
    if (!loads) {
      EXPECT_EQ(counters.timed_out_fetches, 0);
    }
    // A step that waits for no load ends it before it can time out.
    const bool waits = scenario.engine.load_stop != control::LoadStop::best_effort;
    if (loads && waits) {
      EXPECT_GT(counters.timed_out_fetches, 0);
    }
    EXPECT_EQ(counters.failed_stores > 0, scenario.engine.write != control::Write::none);
    EXPECT_FALSE(replay(recorded, scenario).difference.has_value());
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryEngine, ::testing::ValuesIn(engine_names()),
                         [](const auto& param) { return param.param; });

TEST(Replay, ShowsAnEngineThatDecidesOtherwise) {
  scenarios::Scenario scenario = agents("calvo");
  const Recorded recorded = record(scenario);
  scenarios::Scenario other = agents("calvo_sjf");
  EXPECT_TRUE(replay(recorded, other).difference.has_value());
}

// ------------------------------------------------------------------------------ estimates

TEST(Estimates, ScrambledOnesLeaveFifoAsItIs) {
  scenarios::Scenario plain = agents("calvo_fifo", {"routing=round_robin"});
  scenarios::Scenario scrambled =
      agents("calvo_fifo", {"routing=round_robin", "estimates.model=scrambled"});
  EXPECT_EQ(dates(simulate(plain)), dates(simulate(scrambled)));
}

TEST(Estimates, ScrambledOnesWorsenShortestJobFirst) {
  const auto mean = [](const std::string& estimates) {
    double sum = 0;
    for (int seed = 1; seed <= 5; ++seed) {
      scenarios::LoadOptions options;
      options.overrides = {"simulation.flow_backend=pure", "engine=calvo_sjf",
                           "workload.synthetic.arrival.rate=2.6 /s",
                           "workload.synthetic.hit_fractions=[25 %, 50 %, 75 %, 100 %]",
                           "estimates.model=" + estimates};
      options.seed = static_cast<std::uint64_t>(seed);
      scenarios::Scenario scenario =
          scenarios::load_scenario(source + "/scenarios/examples/calvo_loogle.yaml", options);
      sum += mean_ttft(simulate(scenario));
    }
    return sum / 5;
  };
  EXPECT_GT(mean("scrambled"), 1.05 * mean("rich"));
}

/// One request at a time: what the policies are told is what happens, to 1 %.
TEST(Estimates, RichOnesPredictTheTtftOfAnIdleCluster) {
  scenarios::LoadOptions options;
  options.overrides = {"simulation.flow_backend=pure", "engine=calvo",
                       "workload.synthetic.arrival={kind: uniform, rate: 0.05 /s}",
                       "workload.synthetic.hit_fractions=[25 %, 50 %, 75 %, 100 %]"};
  scenarios::Scenario scenario =
      scenarios::load_scenario(source + "/scenarios/examples/calvo_loogle.yaml", options);
  const RunResult result = simulate(scenario);
  const auto specs = scenario.workload->requests();
  for (const RequestRecord& request : result.requests) {
    const double ttft = seconds_of(request.times.first_token) - seconds_of(request.times.arrival);
    const Tokens hit{specs[raw(request.id)].pool_hit_blocks *
                     scenario.instance.block_tokens.count()};
    const models::Work work{hit, Tokens{0}, Tokens{0}, request.input - hit};
    const double predicted =
        (scenario.topology.round_trip + scenario.engine.costs.lookup).count() +
        (scenario.estimates->load(work) + scenario.estimates->compute(work)).count();
    EXPECT_NEAR(ttft, predicted, 0.01 * predicted) << raw(request.id);
    // The isolated TTFT knows no token budget: it is the engine's where one step takes all.
    if ((request.input - hit).count() > scenario.engine.token_budget) continue;
    EXPECT_NEAR(ttft, to_seconds(request.isolated_ttft).count(), 0.01 * ttft) << raw(request.id);
  }
}

}  // namespace
}  // namespace calvo::sim
