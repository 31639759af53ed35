// Whatever the network does: transfers that hang and may still write, bad blocks, nodes that go and
// come back, with and without replicas.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/event_log.hpp"
#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"
#include "tests/control/good_end.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {
namespace {

struct Played {
  Counters counters;
  bool all_quarantined = false;
};

/// Plays a scenario with faults, holds it to everything, replays its event log.
Played play_with_faults(std::uint64_t seed, const EngineConfig& engine) {
  SCOPED_TRACE(engine.name + " seed " + std::to_string(seed));
  const LineCost estimates;
  SmallScenario scenario = make_small_scenario(seed, engine);
  add_faults(scenario, seed);
  FakeDriver driver(scenario.setup, scenario.hardware, estimates);
  expect_a_good_end(scenario, driver);
  Counters counters;
  for (std::size_t i = 0; i < driver.instances(); ++i) {
    counters += driver.instance(i).counters();
    EXPECT_EQ(driver.instance(i).host_blocks_quarantined(), 0);
  }
  EventLogWriter log;
  for (const Batch& batch : driver.batches()) log.batch(batch.instance, batch.events, batch.answer);
  const ReplayReport report =
      replay(log.take(), "faults.bin", scenario.setup.engine, scenario.setup.resources,
             scenario.setup.instances, scenario.setup.routing, estimates);
  EXPECT_FALSE(report.difference.has_value()) << "batch " << report.difference->batch;
  EXPECT_EQ(report.batches, static_cast<std::int64_t>(driver.batches().size()));
  return {counters, driver.all_quarantined()};
}

class FaultyNetwork : public ::testing::TestWithParam<EngineConfig> {};

TEST_P(FaultyNetwork, EndsEveryRequestBalancesTheBooksAndReplays) {
  for (std::uint64_t seed = 0; seed < 120 && !HasFailure(); ++seed) {
    play_with_faults(seed, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, FaultyNetwork, ::testing::ValuesIn(all_engines()),
                         [](const auto& engine) { return engine.param.name; });

TEST(AnyEngineOnAFaultyNetwork, EndsEveryRequestBalancesTheBooksAndReplays) {
  Counters counters;
  int all_quarantined = 0;
  for (std::uint64_t seed = 0; seed < 2000 && !::testing::Test::HasFailure(); ++seed) {
    const Played played = play_with_faults(seed, any_engine(seed));
    counters += played.counters;
    all_quarantined += played.all_quarantined ? 1 : 0;
  }
  // Everything has happened, and often.
  EXPECT_GT(counters.timed_out_fetches, 100);
  EXPECT_GT(counters.corrupt_fetches, 100);
  EXPECT_GT(counters.missing_blocks, 100);
  EXPECT_GT(counters.cut_fetches, 100);
  EXPECT_GT(counters.failed_stores, 100);
  EXPECT_GT(counters.skipped_stores, 100);
  EXPECT_GT(counters.preemptions, 100);
  EXPECT_GT(counters.recomputed_blocks, 100);
  EXPECT_GT(all_quarantined, 10);
}

}  // namespace
}  // namespace calvo::control::fake
