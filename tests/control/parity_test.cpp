// Decision parity: the control plane is a function of its events.
#include <string>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {
namespace {

constexpr std::uint64_t scenarios = 30;

/// Believes nonsense: the dearer, the cheaper.
struct ScrambledCost final : models::CostModel {
  Seconds load(const models::Work& work) const override {
    return Seconds{1.0 / static_cast<double>(1 + work.remote.count() + work.host.count())};
  }
  Seconds compute(const models::Work& work) const override {
    return Seconds{1.0 / static_cast<double>(1 + work.compute.count())};
  }
};

/// All batches of a run, in text.
std::string play_whole(const EngineConfig& engine, std::uint64_t seed,
                       const models::CostModel& estimates) {
  SmallScenario scenario = make_small_scenario(seed, engine);
  scenario.setup.routing = "round_robin";
  FakeDriver driver(scenario.setup, scenario.hardware, estimates);
  play(scenario, driver);
  driver.run(20'000);
  std::string text;
  for (const Batch& batch : driver.batches()) text += transcript(batch);
  return text;
}

class Parity : public ::testing::TestWithParam<EngineConfig> {};

TEST_P(Parity, ReplayingTheEventsGivesTheSameCommands) {
  const LineCost estimates;
  for (std::uint64_t seed = 0; seed < scenarios; ++seed) {
    SmallScenario scenario = make_small_scenario(seed, GetParam());
    FakeDriver driver(scenario.setup, scenario.hardware, estimates);
    play(scenario, driver);
    ASSERT_TRUE(driver.run(20'000));
    for (std::uint32_t i = 0; i < driver.instances(); ++i) {
      Instance fresh(scenario.setup.engine, scenario.setup.resources, estimates);
      for (const Batch& batch : driver.batches()) {
        if (batch.instance != i) continue;
        Batch again;
        again.instance = i;
        again.events = batch.events;
        fresh.handle(again.events, again.answer);
        ASSERT_EQ(transcript(again), transcript(batch)) << "seed " << seed;
      }
    }
  }
}

// The truth is the driver's: a reducer that is told the same does the same, whatever was true.
TEST_P(Parity, ARunOnOtherHardwareIsReplayedAsWell) {
  const LineCost estimates;
  Random random(99);
  for (std::uint64_t seed = 0; seed < scenarios; ++seed) {
    SmallScenario scenario = make_small_scenario(seed, GetParam());
    Hardware& hardware = scenario.hardware;
    for (Nanoseconds* truth : {&hardware.lookup, &hardware.network_block, &hardware.pcie_block,
                               &hardware.step, &hardware.prefill_token}) {
      *truth = Nanoseconds{truth->count() / 3 + static_cast<std::int64_t>(random.below(100'000))};
    }
    FakeDriver driver(scenario.setup, hardware, estimates);
    play(scenario, driver);
    ASSERT_TRUE(driver.run(20'000));
    Instance fresh(scenario.setup.engine, scenario.setup.resources, estimates);
    for (const Batch& batch : driver.batches()) {
      if (batch.instance != 0) continue;
      Batch again;
      again.events = batch.events;
      fresh.handle(again.events, again.answer);
      ASSERT_EQ(transcript(again), transcript(batch)) << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Parity, ::testing::ValuesIn(all_engines()),
                         [](const auto& engine) { return engine.param.name; });

TEST(Estimates, DoNotTouchAnOrderThatIgnoresThem) {
  for (std::uint64_t seed = 0; seed < scenarios; ++seed) {
    ASSERT_EQ(play_whole(calvo_fifo(), seed, LineCost{}),
              play_whole(calvo_fifo(), seed, ScrambledCost{}))
        << "seed " << seed;
  }
}

TEST(Estimates, DecideAnOrderByCost) {
  int changed = 0;
  for (std::uint64_t seed = 0; seed < scenarios; ++seed) {
    changed +=
        play_whole(calvo_sjf(), seed, LineCost{}) != play_whole(calvo_sjf(), seed, ScrambledCost{})
            ? 1
            : 0;
  }
  EXPECT_GT(changed, 5);
}

}  // namespace
}  // namespace calvo::control::fake
