// One instance and a network that is played by hand.
#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/storage_placement.hpp"
#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control {
namespace {

constexpr std::int32_t extent = 4;

/// The first extent from `from` on whose first copy lies on `node`.
BlockRun extent_on(std::uint32_t node, std::uint64_t from, const InstanceResources& pool) {
  for (std::uint64_t id = from * extent;; id += extent) {
    const BlockRun run{BlockId{id}, extent};
    if (leading_extent(run, pool).node == StorageId{node}) return run;
  }
}

class FaultsByHand : public ::testing::Test {
protected:
  FaultsByHand() {
    engine_ = calvo_fifo();
    engine_.write = Write::none;
    pool_.block_tokens = Tokens{16};
    pool_.block_bytes = Bytes{1 << 16};
    pool_.gpu_blocks = 64;
    pool_.host_blocks = 16;
    pool_.storage_nodes = 3;
    pool_.storage_extent = extent;
  }

  Instance& instance() {
    if (!instance_) instance_ = std::make_unique<Instance>(engine_, pool_, estimates_);
    return *instance_;
  }

  void arrive(RequestSpec& spec) {
    Event arrival{};
    arrival.kind = EventKind::arrival;
    arrival.spec = &spec;
    handle(arrival);
  }

  /// A request that arrives and whose lookup finds all of `history`; new are 5 tokens.
  void ask(std::vector<BlockRun> history) {
    RequestSpec& spec = specs_.emplace_back();
    spec.id = RequestId{specs_.size() - 1};
    for (const BlockRun& run : history) spec.prompt_blocks += run.count;
    spec.input = Tokens{spec.prompt_blocks * 16 + 5};
    spec.output = Tokens{1};
    spec.blocks = std::move(history);
    arrive(spec);
    const Command lookup = last(CommandKind::lookup);
    Event found{};
    found.kind = EventKind::lookup_done;
    found.run = lookup.run;
    found.blocks = lookup.to;
    handle(found);
  }

  void handle(Event event) {
    event.time = now_ += Nanoseconds{1000};
    CommandBuffer out;
    instance().handle(std::span(&event, 1), out);
    ASSERT_EQ(instance().audit(), "");
    text_.clear();
    for (const Command& command : out.commands) {
      history_.push_back(command);
      text_ += (text_.empty() ? "" : "; ") + fake::describe(command, out);
    }
  }
  void fetch_done(RunId run, std::int32_t blocks, TransferStatus status = TransferStatus::ok) {
    Event event{};
    event.kind = EventKind::fetch_done;
    event.run = run;
    event.blocks = blocks;
    event.status = status;
    handle(event);
  }
  void over(EventKind kind, RunId run, std::int32_t blocks = 0,
            TransferStatus status = TransferStatus::ok) {
    Event event{};
    event.kind = kind;
    event.run = run;
    event.blocks = blocks;
    event.status = status;
    event.iterations = 1;
    handle(event);
  }
  void node(EventKind kind, std::uint32_t node) {
    Event event{};
    event.kind = kind;
    event.node = StorageId{node};
    handle(event);
  }
  void cancel(std::uint64_t request) {
    Event event{};
    event.kind = EventKind::cancel;
    event.request = RequestId{request};
    handle(event);
  }

  /// Of all that has been commanded, the last of a kind, and how many there were.
  Command last(CommandKind kind) const {
    for (auto command = history_.rbegin(); command != history_.rend(); ++command) {
      if (command->kind == kind) return *command;
    }
    ADD_FAILURE() << "nothing like it has been commanded";
    return {};
  }
  int count(CommandKind kind) const {
    return static_cast<int>(std::ranges::count(history_, kind, &Command::kind));
  }
  Counters counters() { return instance().counters(); }

  fake::LineCost estimates_;
  EngineConfig engine_;
  InstanceResources pool_;
  std::unique_ptr<Instance> instance_;
  std::deque<RequestSpec> specs_;
  std::vector<Command> history_;
  std::string text_;  ///< of what the last event was answered with
  Instant now_{};
};

TEST_F(FaultsByHand, SlotsThatMayStillBeWrittenToBelongToNobodyUntilTheyHaveDrained) {
  pool_.host_blocks = 4;
  const BlockRun history = extent_on(0, 1, pool_);
  ask({history});
  const Command fetch = last(CommandKind::fetch);
  EXPECT_EQ(fetch.to - fetch.from, 4);
  fetch_done(fetch.run, 1, TransferStatus::timeout);
  EXPECT_EQ(instance().host_blocks_quarantined(), 3);
  EXPECT_EQ(instance().host_blocks_used(), 4);
  EXPECT_FALSE(instance().host_holds(BlockId{raw(history.first) + 1}));
  over(EventKind::copy_done, last(CommandKind::copy_in).run, 1, TransferStatus::cut);
  over(EventKind::step_done, last(CommandKind::run_step).run);
  EXPECT_EQ(count(CommandKind::finish), 1);  // it computed the rest
  EXPECT_EQ(last(CommandKind::finish).cached, Tokens{16});
  EXPECT_EQ(counters().recomputed_blocks, 3);
  EXPECT_EQ(counters().timed_out_fetches, 1);
  EXPECT_EQ(instance().host_blocks_quarantined(), 3);
  EXPECT_EQ(instance().idle_problem(), "transfers that timed out have not drained");

  ask({extent_on(1, 1, pool_)});  // one slot is left: the landed block is only cache
  const Command second = last(CommandKind::fetch);
  EXPECT_EQ(second.to - second.from, 1);
  EXPECT_NE(slot_of(second.run), slot_of(fetch.run));
  over(EventKind::drained, fetch.run);
  EXPECT_EQ(instance().host_blocks_quarantined(), 0);
  const Command third = last(CommandKind::fetch);
  EXPECT_EQ(third.from, 1);
  EXPECT_EQ(third.to, 4);
}

TEST_F(FaultsByHand, ARequestWaitsWhileAllOfHostMemoryIsQuarantined) {
  pool_.host_blocks = 4;
  ask({extent_on(0, 1, pool_)});
  const Command fetch = last(CommandKind::fetch);
  ask({extent_on(1, 1, pool_)});
  fetch_done(fetch.run, 0, TransferStatus::timeout);
  over(EventKind::copy_done, last(CommandKind::copy_in).run, 0, TransferStatus::cut);
  over(EventKind::step_done, last(CommandKind::run_step).run);
  EXPECT_EQ(count(CommandKind::finish), 1);
  EXPECT_EQ(count(CommandKind::fetch), 1);  // the other has no place to load to, and keeps its plan
  EXPECT_EQ(instance().unfinished(), 1);
  over(EventKind::drained, fetch.run);
  EXPECT_EQ(count(CommandKind::fetch), 2);
  EXPECT_EQ(counters().forced_releases, 0);
  EXPECT_EQ(last(CommandKind::fetch).to - last(CommandKind::fetch).from, 4);
}

TEST_F(FaultsByHand, ATransferThatBringsAllAndStillTimesOutKeepsItsNumberUntilItHasDrained) {
  ask({extent_on(0, 1, pool_)});
  const Command fetch = last(CommandKind::fetch);
  fetch_done(fetch.run, 4, TransferStatus::timeout);
  EXPECT_EQ(instance().host_blocks_quarantined(), 0);
  ask({extent_on(0, 9, pool_)});
  EXPECT_NE(slot_of(last(CommandKind::fetch).run), slot_of(fetch.run));
  over(EventKind::drained, fetch.run);
  EXPECT_EQ(counters().recomputed_blocks, 0);
}

TEST_F(FaultsByHand, ACancelledRequestLeavesBeforeItsMemoryHasDrained) {
  ask({extent_on(0, 1, pool_)});
  const Command fetch = last(CommandKind::fetch);
  cancel(0);
  over(EventKind::copy_done, last(CommandKind::copy_in).run, 0, TransferStatus::cut);
  EXPECT_EQ(count(CommandKind::cancelled), 0);
  fetch_done(fetch.run, 0, TransferStatus::timeout);
  EXPECT_EQ(count(CommandKind::cancelled), 1);
  EXPECT_EQ(instance().unfinished(), 0);
  EXPECT_EQ(instance().host_blocks_quarantined(), 4);
  over(EventKind::drained, fetch.run);
  EXPECT_EQ(instance().idle_problem(), "");
}

TEST_F(FaultsByHand, WhatOneReplicaDoesNotGiveIsAskedOfTheNext) {
  pool_.storage_replicas = 3;
  ask({extent_on(2, 1, pool_)});
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{2});
  fetch_done(last(CommandKind::fetch).run, 1, TransferStatus::corrupt);
  over(EventKind::copy_done, last(CommandKind::copy_in).run, 1, TransferStatus::cut);
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{0});
  EXPECT_EQ(last(CommandKind::fetch).from, 1);
  fetch_done(last(CommandKind::fetch).run, 1, TransferStatus::missing);
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{1});
  EXPECT_EQ(last(CommandKind::fetch).from, 2);
  EXPECT_EQ(counters().recomputed_blocks, 0);
  fetch_done(last(CommandKind::fetch).run, 1, TransferStatus::corrupt);
  EXPECT_EQ(count(CommandKind::fetch), 3);  // nobody is left
  EXPECT_EQ(counters().recomputed_blocks, 1);
  EXPECT_EQ(counters().corrupt_fetches, 2);
  EXPECT_EQ(counters().missing_blocks, 2);
}

TEST_F(FaultsByHand, ARequestThatHasWaitedForANodeInVainAsksItForNothingMore) {
  engine_.network_window.operations = 1;
  pool_.storage_replicas = 2;
  const BlockRun first = extent_on(0, 1, pool_);
  const BlockRun far = extent_on(1, 1, pool_);
  const BlockRun again = extent_on(0, 20, pool_);
  ask({first, far, again});
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{0});
  fetch_done(last(CommandKind::fetch).run, 0, TransferStatus::timeout);
  // Node 1 holds the second copies of node 0's blocks and the first of its own.
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{1});
  EXPECT_EQ(last(CommandKind::fetch).from, 0);
  EXPECT_EQ(last(CommandKind::fetch).to, 12);
}

TEST_F(FaultsByHand, WhoSharesATransferThatTimesOutDoesNotWaitForTheSameNodeAgain) {
  pool_.storage_replicas = 2;
  const BlockRun history = extent_on(0, 1, pool_);
  ask({history});
  const Command fetch = last(CommandKind::fetch);
  ask({history});
  EXPECT_EQ(count(CommandKind::fetch), 1);
  cancel(0);  // the transfer goes on for the other
  fetch_done(fetch.run, 2, TransferStatus::timeout);
  EXPECT_EQ(last(CommandKind::fetch).request, RequestId{1});
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{1});
  EXPECT_EQ(last(CommandKind::fetch).from, 2);
}

TEST_F(FaultsByHand, NothingIsAskedOfANodeThatIsDown) {
  pool_.storage_replicas = 2;
  node(EventKind::node_down, 0);
  ask({extent_on(0, 1, pool_)});
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{1});
  node(EventKind::node_up, 0);
  ask({extent_on(0, 20, pool_)});
  EXPECT_EQ(last(CommandKind::fetch).node, StorageId{0});
}

TEST_F(FaultsByHand, WhatOnlyADeadNodeHasIsComputed) {
  node(EventKind::node_down, 0);
  ask({extent_on(1, 1, pool_), extent_on(0, 1, pool_)});
  EXPECT_EQ(count(CommandKind::fetch), 1);
  EXPECT_EQ(last(CommandKind::fetch).to, 4);
  EXPECT_EQ(counters().recomputed_blocks, 4);
  fetch_done(last(CommandKind::fetch).run, 4);
  over(EventKind::copy_done, last(CommandKind::copy_in).run, 4);
  over(EventKind::step_done, last(CommandKind::run_step).run);
  EXPECT_EQ(last(CommandKind::finish).cached, Tokens{64});
  EXPECT_EQ(instance().idle_problem(), "");
}

TEST_F(FaultsByHand, ALookupThatFindsNothingMeansComputing) {
  RequestSpec spec;
  spec.input = Tokens{69};
  spec.output = Tokens{1};
  spec.blocks = {extent_on(0, 1, pool_)};
  spec.prompt_blocks = 4;
  arrive(spec);
  const Command lookup = last(CommandKind::lookup);
  over(EventKind::lookup_done, lookup.run, lookup.from);
  EXPECT_EQ(count(CommandKind::fetch), 0);
  over(EventKind::step_done, last(CommandKind::run_step).run);
  EXPECT_EQ(last(CommandKind::finish).cached, Tokens{0});
}

TEST_F(FaultsByHand, NewBlocksGoToEachReplicaThatIsUp) {
  engine_.write = Write::through;
  engine_.write_window.operations = unbounded;
  pool_.storage_replicas = 3;
  node(EventKind::node_down, 1);
  RequestSpec spec;
  spec.input = Tokens{64};
  spec.output = Tokens{1};
  spec.blocks = {extent_on(0, 1, pool_)};
  spec.prompt_blocks = 4;
  arrive(spec);
  over(EventKind::lookup_done, last(CommandKind::lookup).run, 0);
  over(EventKind::step_done, last(CommandKind::run_step).run);
  over(EventKind::store_done, last(CommandKind::copy_out).run, 4);
  ASSERT_EQ(count(CommandKind::store), 2);
  const Command to_last = last(CommandKind::store);
  Command to_first{};
  for (const Command& command : history_) {
    if (command.kind == CommandKind::store && command.run != to_last.run) to_first = command;
  }
  EXPECT_EQ(to_first.node, StorageId{0});
  EXPECT_EQ(to_last.node, StorageId{2});
  EXPECT_EQ(to_last.blocks.count, 4);
  over(EventKind::store_done, to_first.run, 4);
  over(EventKind::store_done, to_last.run, 0, TransferStatus::timeout);
  EXPECT_EQ(counters().stored_blocks, 4);
  EXPECT_EQ(counters().skipped_stores, 1);
  EXPECT_EQ(counters().failed_stores, 1);
  EXPECT_EQ(instance().idle_problem(), "");  // what could not be stored is only cache now
}

}  // namespace
}  // namespace calvo::control
