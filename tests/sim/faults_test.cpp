// Storage nodes that die and slow down in the middle of loads whose every date is known.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster_fixture.hpp"
#include "control/storage_placement.hpp"
#include "scenarios/load.hpp"
#include "tests/sim/forked.hpp"

namespace calvo::sim {
namespace {

using scenarios::Fault;
using scenarios::FaultKind;
using scenarios::Granularity;

/// 100 blocks that cross the network in 0.6 ms and PCIe in 0.4 ms each, and 200 tokens that take
/// 20 ms. Half of the 51st block has crossed the network when something happens.
constexpr double midway = 0.0303;

class FaultyNode : public ::testing::TestWithParam<Granularity> {
protected:
  scenarios::Scenario loading(std::vector<Fault> faults) const {
    scenarios::Scenario scenario = small_scenario({{0, Tokens{10'000}, Tokens{200}, Tokens{1}}});
    scenario.instance.storage_extent = 1'000'000;
    scenario.simulation.granularity = GetParam();
    scenario.simulation.fetch_timeout = Seconds{0.5};
    scenario.faults = std::move(faults);
    estimate_truly(scenario);
    return scenario;
  }
  static RunResult run(scenarios::Scenario scenario) { return simulate(scenario); }
};

TEST_P(FaultyNode, WhoseBlocksNobodyElseHasCostsItsTimeoutAndComputing) {
  const RunResult result = run(loading({{0, FaultKind::down, Seconds{midway}, Seconds{0}, 1}}));
  // 50 blocks have come; 5,200 tokens are computed.
  EXPECT_NEAR(mean_ttft(result), midway + 0.5 + 0.52, 1e-6);
  EXPECT_EQ(result.requests[0].cached, Tokens{5'000});
  EXPECT_EQ(result.counters.fetched_blocks, 50);
  EXPECT_EQ(result.counters.copied_blocks, 50);
  EXPECT_EQ(result.counters.recomputed_blocks, 50);
  EXPECT_EQ(result.counters.timed_out_fetches, 1);
  EXPECT_GE(result.counters.skipped_stores, 1);  // what was computed has nowhere to go
  EXPECT_EQ(result.counters.stored_blocks, 0);
}

TEST_P(FaultyNode, IsNotFoundByALookupAndCostsNoTimeout) {
  const RunResult result = run(loading({{0, FaultKind::down, Seconds{0}, Seconds{0}, 1}}));
  EXPECT_NEAR(mean_ttft(result), 1.02, 1e-6);
  EXPECT_EQ(result.counters.timed_out_fetches, 0);
  EXPECT_EQ(result.requests[0].cached, Tokens{0});
  // Nobody knows that it is down until the first store there has timed out.
  EXPECT_EQ(result.counters.failed_stores, 1);
}

TEST_P(FaultyNode, LeavesTheRestToItsReplica) {
  scenarios::Scenario scenario = loading({});
  scenario.topology.storage_nodes = scenario.instance.storage_nodes = 2;
  scenario.instance.storage_replicas = 2;
  const auto home = static_cast<std::int32_t>(
      raw(control::leading_extent({BlockId{0}, 1}, scenario.instance).node));
  scenario.faults = {{home, FaultKind::down, Seconds{midway}, Seconds{0}, 1}};
  const RunResult result = run(std::move(scenario));
  EXPECT_NEAR(mean_ttft(result), midway + 0.5 + 50 * 0.0006 + 0.0004 + 0.02, 1e-6);
  EXPECT_EQ(result.requests[0].cached, Tokens{10'000});
  EXPECT_EQ(result.counters.recomputed_blocks, 0);
  EXPECT_EQ(result.counters.timed_out_fetches, 1);
}

TEST_P(FaultyNode, IsUsedAgainWhenItIsBackAndHasKeptWhatItHeld) {
  scenarios::Scenario scenario = small_scenario(
      {{0, Tokens{10'000}, Tokens{200}, Tokens{1}}, {2, Tokens{10'000}, Tokens{200}, Tokens{1}}});
  scenario.simulation.granularity = GetParam();
  scenario.simulation.fetch_timeout = Seconds{0.5};
  scenario.faults = {{0, FaultKind::down, Seconds{midway}, Seconds{0.8}, 1}};
  estimate_truly(scenario);
  const RunResult result = run(std::move(scenario));
  const RequestTimes& times = result.requests[1].times;
  EXPECT_NEAR(seconds_of(times.first_token) - 2, 0.0804, 1e-6);
  EXPECT_EQ(result.counters.skipped_stores, 0);
  EXPECT_EQ(result.counters.stored_blocks, 4);  // it still had the other 50 that were computed
}

TEST_P(FaultyNode, ThatIsBackBeforeTheTimeoutIsNeverCalledDown) {
  scenarios::Scenario scenario = loading({{0, FaultKind::down, Seconds{midway}, Seconds{0.1}, 1}});
  const RunResult result = run(std::move(scenario));
  EXPECT_NEAR(mean_ttft(result), midway + 0.5 + 0.52,
              1e-6);  // its connections are lost all the same
  EXPECT_EQ(result.counters.skipped_stores, 0);
  EXPECT_EQ(result.counters.stored_blocks, 2);
}

TEST_P(FaultyNode, ThatIsSlowCarriesItsShareUntilItRecovers) {
  // 49.5 blocks take 1.2 ms each.
  const RunResult slow = run(loading({{0, FaultKind::slow, Seconds{midway}, Seconds{0}, 0.5}}));
  EXPECT_NEAR(mean_ttft(slow), midway + 49.5 * 0.0012 + 0.0004 + 0.02, 1e-6);
  // Ten of them do, in 12 ms.
  const RunResult better =
      run(loading({{0, FaultKind::slow, Seconds{midway + 0.012}, Seconds{0.0423 + 0.012}, 0.25},
                   {0, FaultKind::slow, Seconds{midway}, Seconds{midway + 0.012}, 0.5}}));
  EXPECT_NEAR(mean_ttft(better), midway + 0.012 + 0.012 + 34.5 * 0.0006 + 0.0004 + 0.02, 1e-6);
}

TEST_P(FaultyNode, ThatDiesAfterAllHasEndedDoesNotProlongTheRun) {
  const RunResult healthy = run(loading({}));
  const RunResult late = run(loading({{0, FaultKind::down, Seconds{5}, Seconds{9}, 1},
                                      {0, FaultKind::slow, Seconds{6}, Seconds{7}, 0.5}}));
  EXPECT_EQ(late.end, healthy.end);
}

INSTANTIATE_TEST_SUITE_P(Granularity, FaultyNode,
                         ::testing::Values(Granularity::run, Granularity::block),
                         [](const auto& granularity) {
                           return granularity.param == Granularity::run ? "Run" : "Block";
                         });

/// The numbers that stand in the example.
TEST(DeadNode, TakesWhatItsExampleSays) {
  const auto ttft = [](std::vector<std::string> overrides, const std::string& backend) {
    overrides.push_back("simulation.flow_backend=" + backend);
    scenarios::LoadOptions options;
    options.overrides = std::move(overrides);
    scenarios::Scenario scenario = scenarios::load_scenario(
        std::string(CALVO_SOURCE_DIR) + "/scenarios/examples/dead_node.yaml", options);
    return std::vector<double>{mean_ttft(simulate(scenario))};
  };
  for (const std::string backend : {"pure", "fluid"}) {
    SCOPED_TRACE(backend);
    const auto in_a_child = [&](std::vector<std::string> overrides) {
      return in_child([&] { return ttft(overrides, backend); }).at(0);
    };
    EXPECT_NEAR(in_a_child({}), 0.62525, 1e-6);
    EXPECT_NEAR(in_a_child({"memory.storage_replicas=1"}), 1.96025, 1e-6);
    EXPECT_NEAR(in_a_child({"faults=[]"}), 0.125, 1e-6);
  }
  // SimGrid's own communications follow copies less exactly.
  const double simgrid = in_child([&] { return ttft({}, "simgrid"); }).at(0);
  EXPECT_NEAR(simgrid, 0.62525, 0.01 * 0.62525);
}

}  // namespace
}  // namespace calvo::sim
