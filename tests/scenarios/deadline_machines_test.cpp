// Other machines, the same promise: deadlines may stay those of the scenario as it is written.
#include <gtest/gtest.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

std::vector<Nanoseconds> deadlines(const std::string& key, const std::string& value,
                                   DeadlineMachines machines) {
  LoadOptions options;
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = value;
  if (!key.empty()) options.settings = {{key, {}, node}};
  options.deadlines = machines;
  std::vector<Nanoseconds> result;
  const Scenario scenario = load_scenario_text(small_scenario, "s.yaml", options);
  for (const RequestSpec& request : scenario.workload->requests()) {
    result.push_back(request.deadline);
  }
  return result;
}

TEST(DeadlineMachines, AFasterNicShortensItsOwnDeadlinesButNotThoseOfTheScenario) {
  const auto written = deadlines("", "", DeadlineMachines::own);
  const auto own = deadlines("hardware.nic", "rdma_400g", DeadlineMachines::own);
  ASSERT_EQ(own.size(), 2);
  EXPECT_LT(own[0], written[0]);
  EXPECT_LT(own[1], written[1]);
  EXPECT_EQ(deadlines("hardware.nic", "rdma_400g", DeadlineMachines::as_written), written);
  EXPECT_EQ(deadlines("truth.per_token", "10 us", DeadlineMachines::as_written), written);
}

TEST(DeadlineMachines, WhatIsNoMachineStillMovesThem) {
  const auto own = deadlines("slo.ttft.fixed", "1 s", DeadlineMachines::as_written);
  EXPECT_EQ(own, std::vector<Nanoseconds>(2, Nanoseconds{1'000'000'000}));
}

}  // namespace
}  // namespace calvo::scenarios
