// A transfer belongs to its blocks: whoever needs them waits for the one that is under way.
#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {
namespace {

constexpr std::int32_t history_blocks = 8;

/// Requests that arrive at given dates, all with one history in the pool and a query of their own.
struct Shared {
  explicit Shared(const EngineConfig& engine, std::vector<std::int64_t> arrivals_us)
      : driver(setup_of(engine), Hardware{}, estimates) {
    driver.preload({BlockId{100}, history_blocks});
    for (const std::int64_t at : arrivals_us) {
      RequestSpec& spec = specs.emplace_back();
      spec.id = RequestId{specs.size() - 1};
      spec.session = SessionId{specs.size() - 1};
      spec.arrival = Instant{Nanoseconds{at * 1000}};
      spec.input = Tokens{history_blocks * 16 + 5};
      spec.output = Tokens{2};
      spec.blocks = {{BlockId{100}, history_blocks}};
      spec.prompt_blocks = history_blocks;
    }
    for (const RequestSpec& spec : specs) driver.add(spec);
  }
  static FakeDriver::Setup setup_of(const EngineConfig& engine) {
    FakeDriver::Setup setup;
    setup.engine = engine;
    setup.resources.block_tokens = Tokens{16};
    setup.resources.block_bytes = Bytes{1 << 16};
    setup.resources.gpu_blocks = 64;
    setup.resources.host_blocks = 64;
    setup.resources.storage_nodes = 1;
    return setup;
  }
  std::int64_t count(CommandKind kind) const {
    std::int64_t n = 0;
    for (const Batch& batch : driver.batches()) {
      for (const Command& command : batch.answer.commands) n += command.kind == kind ? 1 : 0;
    }
    return n;
  }

  LineCost estimates;
  std::deque<RequestSpec> specs;
  FakeDriver driver;
};

class SharedLoads : public ::testing::TestWithParam<EngineConfig> {};

TEST_P(SharedLoads, TwoRequestsThatNeedTheSameBlocksLoadThemOnce) {
  for (const std::int64_t later : {0, 30, 150, 350}) {
    SCOPED_TRACE(later);
    Shared shared(GetParam(), {0, later});
    ASSERT_TRUE(shared.driver.run(1000));
    const Counters& counters = shared.driver.instance(0).counters();
    EXPECT_EQ(counters.fetched_blocks, history_blocks);
    EXPECT_EQ(counters.copied_blocks, history_blocks);
    for (const RequestSpec& spec : shared.specs) {
      EXPECT_EQ(shared.driver.ended().at(spec.id).cached, Tokens{history_blocks * 16});
    }
    EXPECT_EQ(shared.driver.complaints(), std::vector<std::string>{});
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, SharedLoads,
                         ::testing::Values(vllm_sync(), vllm_async_2025(), early_prefetch(),
                                           calvo_fifo(), calvo_sjf(), calvo()),
                         [](const auto& engine) { return engine.param.name; });

TEST(SharedTransfer, IsKeptForTheOtherWhenOneIsCancelled) {
  for (const std::int64_t when : {60, 120, 250}) {
    SCOPED_TRACE(when);
    Shared shared(calvo_fifo(), {0, 30});
    shared.driver.cancel(RequestId{0}, Instant{Nanoseconds{when * 1000}});
    ASSERT_TRUE(shared.driver.run(1000));
    EXPECT_EQ(shared.driver.ended().at(RequestId{0}).outcome, Outcome::cancelled);
    const Ended& other = shared.driver.ended().at(RequestId{1});
    EXPECT_EQ(other.outcome, Outcome::completed);
    EXPECT_EQ(other.cached, Tokens{history_blocks * 16});
    EXPECT_EQ(shared.driver.instance(0).counters().fetched_blocks, history_blocks);
    EXPECT_EQ(shared.driver.instance(0).counters().copied_blocks, history_blocks);
    EXPECT_EQ(shared.count(CommandKind::cut_fetch), 0);
    EXPECT_EQ(shared.driver.instance(0).idle_problem(), "");
  }
}

TEST(LoneTransfer, IsCutWhenItsRequestIsCancelled) {
  Shared shared(calvo_fifo(), {0});
  shared.driver.cancel(RequestId{0}, Instant{Nanoseconds{120'000}});
  ASSERT_TRUE(shared.driver.run(1000));
  EXPECT_EQ(shared.driver.ended().at(RequestId{0}).outcome, Outcome::cancelled);
  EXPECT_EQ(shared.count(CommandKind::cut_fetch), 1);
  EXPECT_LT(shared.driver.instance(0).counters().fetched_blocks, history_blocks);
  EXPECT_EQ(shared.driver.instance(0).idle_problem(), "");
}

}  // namespace
}  // namespace calvo::control::fake
