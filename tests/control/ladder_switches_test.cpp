// What the switches of the ladder's upper and lower ends do: runs of few blocks, requests that are
// late, orders by the bottleneck, and what is computed because its load would come later.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"
#include "tests/control/good_end.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {
namespace {

/// One instance, blocks of 16 tokens: 40 us on the network and 15 us over PCIe each, estimated at
/// 32 us to load; computing a block is estimated at 320 us.
class Requests {
public:
  explicit Requests(EngineConfig engine) {
    setup_.engine = std::move(engine);
    setup_.resources.block_tokens = Tokens{16};
    setup_.resources.block_bytes = Bytes{1 << 16};
    setup_.resources.gpu_blocks = 256;
    setup_.resources.host_blocks = 256;
    setup_.resources.storage_nodes = 1;
  }

  /// With `cached` blocks of its own in the pool and `fresh` more tokens.
  void add(std::int64_t arrival_us, std::int32_t cached, std::int64_t fresh,
           std::int64_t deadline_us = 1'000'000) {
    RequestSpec& spec = specs_.emplace_back();
    const std::uint64_t id = specs_.size() - 1;
    spec.id = RequestId{id};
    spec.session = SessionId{id};
    spec.arrival = Instant{Nanoseconds{arrival_us * 1000}};
    spec.input = Tokens{16 * cached + fresh};
    spec.output = Tokens{1};
    if (cached > 0) spec.blocks = {{BlockId{1000 * (id + 1)}, cached}};
    spec.prompt_blocks = cached;
    spec.deadline = Nanoseconds{deadline_us * 1000};
  }

  void run() {
    driver_ = std::make_unique<FakeDriver>(setup_, Hardware{}, estimates_);
    for (const RequestSpec& spec : specs_) {
      for (const BlockRun& run : spec.blocks) driver_->preload(run);
      driver_->add(spec);
    }
    ASSERT_TRUE(driver_->run(10'000));
    ASSERT_EQ(driver_->complaints(), std::vector<std::string>{});
    ASSERT_EQ(driver_->instance(0).audit(), "");
  }

  /// Requests by the date of their first token.
  std::vector<std::uint64_t> order() const {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, ended] : driver_->ended()) ids.push_back(raw(id));
    std::ranges::stable_sort(ids, {}, [this](std::uint64_t id) {
      return driver_->ended().at(RequestId{id}).times.first_token;
    });
    return ids;
  }
  std::int64_t cached_blocks(std::uint64_t id) const {
    return driver_->ended().at(RequestId{id}).cached.count() / 16;
  }
  FakeDriver& driver() { return *driver_; }

private:
  FakeDriver::Setup setup_;
  LineCost estimates_;
  std::deque<RequestSpec> specs_;
  std::unique_ptr<FakeDriver> driver_;
};

using Ids = std::vector<std::uint64_t>;

// ------------------------------------------------------------------------------ late requests

/// r0 loads 20 blocks until 800 us. r1 is due at 500 us, too late for it by then; r2, with more
/// time, can still make it.
Requests one_too_late(const EngineConfig& engine) {
  Requests requests(engine);
  requests.add(0, 20, 10);
  requests.add(30, 4, 10, 470);
  requests.add(60, 4, 10, 5000);
  return requests;
}

TEST(LateRequests, GoFirstByLeastSlackIfNothingIsDoneAboutThem) {
  EngineConfig engine = calvo();
  engine.cut = Cut::never;
  engine.network_window.operations = 1;
  Requests requests = one_too_late(engine);
  requests.run();
  EXPECT_EQ(requests.order(), (Ids{0, 1, 2}));
}

TEST(LateRequests, GoBehindThoseThatCanMeetTheirDeadline) {
  EngineConfig engine = calvo_lstf_drop();
  engine.cut = Cut::never;
  engine.network_window.operations = 1;
  Requests requests = one_too_late(engine);
  requests.run();
  EXPECT_EQ(requests.order(), (Ids{0, 2, 1}));
  EXPECT_EQ(requests.cached_blocks(1), 4) << "it is served all the same";
}

TEST(LateRequests, AreComputedWhereTheirLoadIsDropped) {
  EngineConfig engine = tent_edf();
  engine.cut = Cut::never;
  engine.completion_seen = CompletionSeen::at_event;
  Requests requests = one_too_late(engine);
  requests.run();
  EXPECT_EQ(requests.cached_blocks(0), 20);
  EXPECT_EQ(requests.cached_blocks(1), 0);
  EXPECT_EQ(requests.cached_blocks(2), 4);
  EXPECT_EQ(requests.driver().instance(0).counters().recomputed_blocks, 4);
  EXPECT_EQ(requests.driver().instance(0).counters().fetched_blocks, 24);
}

TEST(LateRequests, AreLateOnceTheyAreLoadedAndNoTimeIsLeftToCompute) {
  // All are in GPU memory's way at once: r0 computes from 0 to about 20 ms; r1 is due meanwhile.
  EngineConfig engine = calvo_lstf_drop();
  Requests requests(engine);
  requests.add(0, 0, 1000);
  requests.add(30, 2, 10, 5000);
  requests.add(60, 2, 10, 500'000);
  requests.run();
  EXPECT_EQ(requests.order(), (Ids{0, 2, 1}));
  engine.late = Late::in_order;
  Requests in_order(engine);
  in_order.add(0, 0, 1000);
  in_order.add(30, 2, 10, 5000);
  in_order.add(60, 2, 10, 500'000);
  in_order.run();
  EXPECT_EQ(in_order.order(), (Ids{0, 1, 2}));
}

// 4 blocks take an estimated 128 us and the rest 200 us; at 805 us r1 has 128 us / factor left if
// it is due 200 us after that.
TEST(LateRequests, AreLateByTheFactor) {
  for (const auto& [factor, cached] : {std::pair{0.9, 0}, {1.1, 4}}) {
    SCOPED_TRACE(factor);
    EngineConfig engine = tent_edf();
    engine.cut = Cut::never;
    engine.completion_seen = CompletionSeen::at_event;
    engine.late_factor = factor;
    Requests requests(engine);
    requests.add(0, 20, 10);  // lookup 20, latency 5, 800 on the network: ends at 825 us
    requests.add(30, 4, 10, 825 + 128 + 200 - 30);
    requests.run();
    EXPECT_EQ(requests.cached_blocks(1), cached);
  }
}

// ------------------------------------------------------------------------------ bottleneck

/// Two that come together while r0 keeps a stage busy: r1 loads much and computes little, r2 the
/// other way round.
Ids order_behind(std::int32_t cached, std::int64_t fresh, const char* policy) {
  EngineConfig engine = calvo_engine("x", policy);
  engine.cut = Cut::never;
  engine.network_window.operations = 1;
  Requests requests(engine);
  requests.add(0, cached, fresh);
  requests.add(50, 8, 10);  // 256 us of load, 200 us of compute
  requests.add(50, 1, 20);  //  32 us of load, 400 us of compute
  requests.run();
  return requests.order();
}

TEST(BottleneckOrder, GoesByTheStageThatMostWorkIsOutstandingFor) {
  EXPECT_EQ(order_behind(100, 10, "sjf_bottleneck"), (Ids{0, 2, 1})) << "the network";
  EXPECT_EQ(order_behind(0, 1000, "sjf_bottleneck"), (Ids{0, 1, 2})) << "the GPU";
  EXPECT_EQ(order_behind(100, 10, "sjf_cost"), (Ids{0, 2, 1})) << "432 us against 456 us";
  EXPECT_EQ(order_behind(0, 1000, "sjf_cost"), (Ids{0, 2, 1}));
}

// ------------------------------------------------------------------------------ soonest

TEST(Soonest, ComputesAShortPrefixRatherThanWaitForALongLoad) {
  for (const Restore restore : {Restore::load_all, Restore::cheaper, Restore::soonest}) {
    EngineConfig engine = calvo_fifo();
    engine.restore = restore;
    engine.network_window.operations = 1;
    Requests requests(engine);
    requests.add(0, 40, 10);  // 1,280 us of load
    requests.add(50, 1, 10);  // behind it 1,312 + 200 us; computed, behind 200 us, 520 us
    requests.run();
    const bool computes = restore == Restore::soonest;
    EXPECT_EQ(requests.cached_blocks(1), computes ? 0 : 1) << name_of(restore);
    EXPECT_EQ(requests.order(), computes ? (Ids{1, 0}) : (Ids{0, 1})) << name_of(restore);
  }
}

TEST(Soonest, LoadsAgainOnceTheQueueIsGone) {
  EngineConfig engine = calvo_soonest();
  Requests requests(engine);
  requests.add(0, 40, 10);
  requests.add(50, 1, 10);
  requests.add(100'000, 1, 10);
  requests.run();
  EXPECT_EQ(requests.cached_blocks(1), 0);
  EXPECT_EQ(requests.cached_blocks(2), 1);
}

// ------------------------------------------------------------------------------ runs

class RunBlocks : public ::testing::TestWithParam<EngineConfig> {};

TEST_P(RunBlocks, NoTransferIsLongerAndAllStillArrives) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    EngineConfig engine = GetParam();
    engine.run_blocks = 1 + static_cast<std::int64_t>(seed % 3);
    SmallScenario scenario = make_small_scenario(seed, engine);
    const LineCost estimates;
    FakeDriver driver(scenario.setup, scenario.hardware, estimates);
    expect_a_good_end(scenario, driver);
    for (const Batch& batch : driver.batches()) {
      for (const Command& command : batch.answer.commands) {
        const bool load =
            command.kind == CommandKind::fetch || command.kind == CommandKind::copy_in;
        const bool write =
            command.kind == CommandKind::copy_out || command.kind == CommandKind::store;
        if (load) {
          EXPECT_LE(command.to - command.from, engine.run_blocks);
        }
        if (write) {
          EXPECT_LE(command.blocks.count, engine.run_blocks);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, RunBlocks,
                         ::testing::Values(vllm_sync(), vllm_async_2025(), early_prefetch(),
                                           calvo()),
                         [](const auto& engine) { return engine.param.name; });

}  // namespace
}  // namespace calvo::control::fake
