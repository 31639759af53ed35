// Decode leaps, whose pages are taken at once and given by the books one by one.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

/// Long outputs of many requests at once, on a device full of cached blocks.
std::vector<std::string> long_outputs(const std::string& engine) {
  return {"engine=" + engine,
          "memory={gpu: 1 MiB, host: 1 MiB, remote: 4 MiB, storage_extent: 4}",
          "engine.max_running=12",  // as many spare pages, beside 64
          "workload.synthetic.count=36",
          "workload.synthetic.arrival.rate=5000 /s",
          "workload.synthetic.contexts=30",
          "workload.synthetic.query={kind: uniform, low: 1, high: 100}",
          "workload.synthetic.output={kind: uniform, low: 400, high: 400}"};
}

class Leaps : public ::testing::TestWithParam<std::string> {};

TEST_P(Leaps, OfLongOutputsOnAFullDeviceEndEveryRequestAndReplay) {
  scenarios::Scenario scenario = small_scenario(long_outputs(GetParam()));
  const Nodes nodes(scenario, Nodes::Contents::initial);
  const Recorded recorded = record(scenario, options_for(nodes));
  EXPECT_EQ(completed(recorded.result), 36);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
  const auto memory =
      std::ranges::find(recorded.result.run.resources, "instance0.gpu_memory", &ResourceUse::name);
  ASSERT_NE(memory, recorded.result.run.resources.end());
  EXPECT_EQ(memory->peak, 1);
}

TEST_P(Leaps, GiveTheLogitsOfAFullRecompute) {
  scenarios::Scenario all = small_scenario(long_outputs("recompute_only"));
  const Nodes none(all, Nodes::Contents::empty);
  const RealrunResult reference = realrun(all, options_for(none));
  scenarios::Scenario scenario = small_scenario(long_outputs(GetParam()));
  const Nodes nodes(scenario, Nodes::Contents::empty);
  const RealrunResult result = realrun(scenario, options_for(nodes));
  EXPECT_LT(largest_distance(result, reference), 1e-3);
  EXPECT_GE(largest_distance(result, reference), 0);
}

INSTANTIATE_TEST_SUITE_P(Engine, Leaps, ::testing::Values("calvo", "vllm_sync", "vllm_async_2025"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace calvo::realrun::testing
