// 200 small scenarios against every engine: whatever happens, every request ends and the books
// balance.
#include <string>

#include <gtest/gtest.h>

#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"
#include "tests/control/good_end.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {
namespace {

constexpr std::uint64_t scenarios = 200;

class EveryEngine : public ::testing::TestWithParam<EngineConfig> {};

void expect_a_good_end(std::uint64_t seed, const EngineConfig& engine) {
  SCOPED_TRACE(engine.name + " seed " + std::to_string(seed));
  const LineCost estimates;
  SmallScenario scenario = make_small_scenario(seed, engine);
  FakeDriver driver(scenario.setup, scenario.hardware, estimates);
  expect_a_good_end(scenario, driver);
}

TEST_P(EveryEngine, EndsEveryRequestAndBalancesItsBooks) {
  for (std::uint64_t seed = 0; seed < scenarios && !HasFailure(); ++seed) {
    expect_a_good_end(seed, GetParam());
  }
}

// Not only the rows that somebody has named: any combination of the switches.
TEST(AnyEngine, EndsEveryRequestAndBalancesItsBooks) {
  for (std::uint64_t seed = 0; seed < 5000 && !::testing::Test::HasFailure(); ++seed) {
    expect_a_good_end(seed, any_engine(seed));
  }
}

// Its memory is reserved in the order of the keys and all at once: nobody holds some and waits.
TEST(Calvo, NeverHoldsAndWaitsWhereHostMemorySuffices) {
  const LineCost estimates;
  std::int64_t preemptions = 0;
  for (const EngineConfig& engine : {calvo_fifo(), calvo_sjf(), calvo()}) {
    for (std::uint64_t seed = 0; seed < scenarios; ++seed) {
      SCOPED_TRACE(engine.name + " seed " + std::to_string(seed));
      SmallScenario scenario = make_small_scenario(seed, engine);
      scenario.setup.resources.host_blocks = 1000;
      FakeDriver driver(scenario.setup, scenario.hardware, estimates);
      play(scenario, driver);
      ASSERT_TRUE(driver.run(20'000));
      for (std::size_t i = 0; i < driver.instances(); ++i) {
        ASSERT_EQ(driver.instance(i).counters().forced_releases, 0);
        preemptions += driver.instance(i).counters().preemptions;
      }
    }
  }
  EXPECT_GT(preemptions, 0) << "memory was never short: the test says nothing";
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngine, ::testing::ValuesIn(all_engines()),
                         [](const auto& engine) { return engine.param.name; });

}  // namespace
}  // namespace calvo::control::fake
