// 200 small scenarios against every engine: whatever happens, every request ends and the books
// balance.
#include <string>

#include <gtest/gtest.h>

#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {
namespace {

constexpr std::uint64_t scenarios = 200;

class EveryEngine : public ::testing::TestWithParam<EngineConfig> {};

void expect_ordered(const RequestTimes& times) {
  const Instant dates[] = {times.arrival,      times.lookup_done, times.load_start,
                           times.network_done, times.loaded,      times.prefill_start,
                           times.first_token,  times.finish};
  for (std::size_t i = 1; i < std::size(dates); ++i) {
    EXPECT_LE(dates[i - 1], dates[i]) << "date " << i;
    EXPECT_NE(dates[i], never) << "date " << i;
  }
}

/// Plays scenario `seed` on an engine and checks all that must hold of any run.
void expect_a_good_end(std::uint64_t seed, const EngineConfig& engine) {
  const LineCost estimates;
  SCOPED_TRACE(engine.name + " seed " + std::to_string(seed));
  SmallScenario scenario = make_small_scenario(seed, engine);
  FakeDriver driver(scenario.setup, scenario.hardware, estimates);
  std::string broken;
  driver.after_batch = [&](const FakeDriver& at, std::uint32_t instance) {
    if (!broken.empty()) return;
    broken = const_cast<FakeDriver&>(at).instance(instance).audit();
    if (!broken.empty()) broken += " at " + std::to_string(at.now().time_since_epoch().count());
  };
  play(scenario, driver);
  bool ended = false;
  try {
    ended = driver.run(20'000);
  } catch (const std::exception& error) {
    FAIL() << error.what() << " at " << driver.now().time_since_epoch().count();
  }
  ASSERT_TRUE(ended) << "it goes round in circles";
  ASSERT_EQ(broken, "");
  for (const std::string& complaint : driver.complaints()) ADD_FAILURE() << complaint;

  for (const RequestSpec& spec : scenario.specs) {
    SCOPED_TRACE("request " + std::to_string(raw(spec.id)));
    const auto found = driver.ended().find(spec.id);
    ASSERT_NE(found, driver.ended().end()) << "it never ended";
    const Ended& request = found->second;
    const std::int64_t block = scenario.setup.resources.block_tokens.count();
    const Tokens output = scenario.setup.engine.decode ? spec.output : Tokens{1};
    const std::int64_t blocks = ((spec.input + output).count() + block - 1) / block;
    EXPECT_EQ(request.outcome == Outcome::rejected, blocks > scenario.setup.resources.gpu_blocks);
    if (request.outcome == Outcome::rejected) {
      EXPECT_EQ(request.reason, RejectReason::larger_than_gpu_memory);
    }
    if (request.outcome != Outcome::completed) continue;
    expect_ordered(request.times);
    EXPECT_LE(request.cached, spec.input - Tokens{1});
  }
  for (std::size_t i = 0; i < driver.instances(); ++i) {
    EXPECT_EQ(driver.instance(i).unfinished(), 0);
    EXPECT_EQ(driver.instance(i).idle_problem(), "");
  }
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
