// Whole runs over tcp and the host device.
#include "realrun/engine/realrun.hpp"

#include <string>

#include <gtest/gtest.h>

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
  if (GetParam() == "recompute_only") {
    EXPECT_EQ(recorded.result.run.counters.fetched_blocks, 0);
  } else {
    EXPECT_GT(recorded.result.run.counters.fetched_blocks, 0);
    EXPECT_EQ(recorded.result.load.verified_blocks, recorded.result.run.counters.fetched_blocks);
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryEngine, ::testing::ValuesIn(engine_names()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace calvo::realrun::testing
