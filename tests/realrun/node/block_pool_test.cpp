#include "realrun/node/block_pool.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::realrun {
namespace {

constexpr BlockFormat format{64};
constexpr std::uint64_t config = 5;
constexpr std::uint64_t seed = 11;

struct Pool {
  explicit Pool(std::int64_t capacity)
      : memory(static_cast<std::size_t>(capacity * format.stride())),
        blocks(format, config, memory, capacity) {}

  std::span<const std::byte> slot(std::uint64_t number) const {
    return std::span(memory).subspan(number * static_cast<std::size_t>(format.stride()),
                                     static_cast<std::size_t>(format.used()));
  }

  std::vector<std::byte> memory;
  BlockPool blocks;
};

constexpr BlockRun run_of(std::uint64_t first, std::int32_t count) {
  return {BlockId{first}, count};
}

TEST(BlockPool, SyntheticBlocksLieSealedInTheirSlots) {
  Pool pool(8);
  pool.blocks.make_synthetic(run_of(30, 5), seed);
  std::vector<std::uint64_t> slots;
  ASSERT_EQ(pool.blocks.lease(run_of(30, 9), slots), 5);
  ASSERT_EQ(slots.size(), 5U);
  EXPECT_EQ(std::set(slots.begin(), slots.end()).size(), 5U);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto block = BlockId{30 + i};
    EXPECT_EQ(check_block(format, pool.slot(slots[i]), block, config), BlockCheck::ok);
    std::vector<std::byte> payload(64);
    fill_synthetic(seed, block, payload);
    EXPECT_TRUE(std::ranges::equal(pool.slot(slots[i]).first(64), payload));
  }
  pool.blocks.release(run_of(30, 5));
}

TEST(BlockPool, AStoreIsInvisibleUntilItIsCommitted) {
  Pool pool(8);
  BlockPool::Store store = pool.blocks.begin_store(run_of(1, 4));
  EXPECT_EQ(pool.blocks.lookup(run_of(1, 4)), 0);
  EXPECT_EQ(pool.blocks.stored(), 0);
  EXPECT_EQ(pool.blocks.commit(std::move(store), 3), 3);
  EXPECT_EQ(pool.blocks.lookup(run_of(1, 4)), 3);
  EXPECT_EQ(pool.blocks.stored(), 3);
}

TEST(BlockPool, AStoreTakesNoSlotOfALeaseOrOfAnotherStore) {
  Pool pool(4);
  pool.blocks.make_synthetic(run_of(1, 2), seed);
  std::vector<std::uint64_t> leased;
  pool.blocks.lease(run_of(1, 2), leased);
  BlockPool::Store first = pool.blocks.begin_store(run_of(10, 3));
  EXPECT_TRUE(first.wants(0));
  EXPECT_TRUE(first.wants(1));
  EXPECT_FALSE(first.wants(2));  // no room
  BlockPool::Store second = pool.blocks.begin_store(run_of(20, 1));
  EXPECT_FALSE(second.wants(0));
  EXPECT_EQ(pool.blocks.commit(std::move(second), 1), 0);
  EXPECT_EQ(pool.blocks.commit(std::move(first), 3), 2);
  EXPECT_EQ(pool.blocks.lookup(run_of(1, 2)), 2);
}

TEST(BlockPool, AStoreNeverEvictsTheBeginningOfItsOwnRun) {
  Pool pool(8);
  pool.blocks.make_synthetic(run_of(0, 4), seed);
  pool.blocks.make_synthetic(run_of(100, 4), seed);
  BlockPool::Store store = pool.blocks.begin_store(run_of(0, 12));
  EXPECT_FALSE(store.wants(3));
  EXPECT_TRUE(store.wants(4));
  EXPECT_FALSE(store.wants(8));
  EXPECT_EQ(store.room(), 8);
  EXPECT_EQ(pool.blocks.commit(std::move(store), 12), 4);
  EXPECT_EQ(pool.blocks.lookup(run_of(0, 12)), 8);
  pool.blocks.make_synthetic(run_of(200, 1), seed);
  EXPECT_EQ(pool.blocks.lookup(run_of(0, 12)), 7);
}

TEST(BlockPool, APreloadLeavesWhatWritingItsRunsInTurnWouldLeave) {
  const BlockRun runs[] = {run_of(1, 5), run_of(20, 3), run_of(2, 2), run_of(40, 4)};
  Pool preloaded(8);
  preloaded.blocks.preload(runs, seed);
  Pool written(8);
  for (const BlockRun run : runs) written.blocks.commit(written.blocks.begin_store(run), run.count);
  EXPECT_EQ(preloaded.blocks.stored(), 8);
  for (std::uint64_t block = 0; block < 50; ++block) {
    const BlockRun one = run_of(block, 1);
    ASSERT_EQ(preloaded.blocks.lookup(one), written.blocks.lookup(one)) << block;
    std::vector<std::uint64_t> slots;
    if (preloaded.blocks.lease(one, slots) == 0) continue;
    EXPECT_EQ(check_block(format, preloaded.slot(slots[0]), one.first, config), BlockCheck::ok);
    preloaded.blocks.release(one);
  }
}

TEST(BlockPool, WhatIsAskedForStaysWhileItsRestIsMade) {
  Pool pool(8);
  pool.blocks.make_synthetic(run_of(1, 3), seed);  // the oldest, but wanted
  pool.blocks.make_synthetic(run_of(100, 5), seed);
  pool.blocks.make_synthetic(run_of(1, 8), seed);
  EXPECT_EQ(pool.blocks.lookup(run_of(1, 8)), 8);
}

TEST(BlockPool, TheGenerationOfASlotGrowsWithEachBlockThatItTakes) {
  Pool pool(1);
  for (std::uint64_t block = 1; block <= 5; ++block) {
    pool.blocks.make_synthetic(run_of(block * 10, 1), seed);
    EXPECT_EQ(std::to_integer<std::uint64_t>(pool.slot(0)[64 + 16]), block);
  }
  EXPECT_EQ(pool.blocks.evictions(), 4);
}

/// A pool as simple as can be: one block at a time, in a list by last use. Within what is written
/// or given back at once the deepest block is the oldest.
class Model {
public:
  explicit Model(std::size_t capacity) : capacity_(capacity) {}

  std::int32_t lookup(BlockRun run) const {
    std::int32_t count = 0;
    while (count < run.count && blocks_.contains(raw(block_of(run, count)))) ++count;
    return count;
  }
  std::int32_t lease(BlockRun run) {
    const std::int32_t granted = lookup(run);
    for (std::uint64_t id = raw(run.first); id < raw(block_of(run, granted)); ++id)
      ++blocks_.at(id).pins;
    return granted;
  }
  void release(BlockRun run) {
    for (std::int32_t i = run.count; i-- > 0;) {
      unpin(raw(block_of(run, i)));
    }
  }
  /// What is stored of the run is kept from the first block on, and gives way from the last on.
  /// Only the first `complete` blocks come. Returns how many of them are new.
  std::int32_t store(BlockRun run, std::int32_t complete) {
    std::int32_t end = run.count;  // what lies behind has given way
    std::set<std::int32_t> held, taken;
    const auto id = [&](std::int32_t i) { return raw(block_of(run, i)); };
    for (std::int32_t i = 0; i < end; ++i) {
      if (!blocks_.contains(id(i))) continue;
      held.insert(i);
      ++blocks_.at(id(i)).pins;
    }
    for (std::int32_t i = 0; i < end; ++i) {
      if (held.contains(i)) continue;
      while (!room_for_one() && !held.empty() && *held.rbegin() > i) {
        end = *held.rbegin();
        held.erase(end);
        unpin(id(end));
      }
      if (!room_for_one()) {
        end = i;
        break;
      }
      taken.insert(i);
      blocks_[id(i)].pins = 1;
    }
    std::int32_t written = 0;
    for (std::int32_t i = end; i-- > 0;) {
      if (taken.contains(i) && i >= complete) {
        blocks_.erase(id(i));
        continue;
      }
      written += taken.contains(i) ? 1 : 0;
      unpin(id(i));
    }
    return written;
  }
  std::set<std::uint64_t> names() const {
    std::set<std::uint64_t> names;
    for (const auto& [id, block] : blocks_) names.insert(id);
    return names;
  }

private:
  struct Block {
    std::uint64_t used = 0;
    int pins = 0;
  };
  void unpin(std::uint64_t id) {
    Block& block = blocks_.at(id);
    if (--block.pins == 0) block.used = ++clock_;
  }
  /// Evicts one if it is full.
  bool room_for_one() {
    if (blocks_.size() < capacity_) return true;
    auto oldest = blocks_.end();
    for (auto it = blocks_.begin(); it != blocks_.end(); ++it) {
      if (it->second.pins == 0 &&
          (oldest == blocks_.end() || it->second.used < oldest->second.used))
        oldest = it;
    }
    if (oldest == blocks_.end()) return false;
    blocks_.erase(oldest);
    return true;
  }
  std::size_t capacity_;
  std::uint64_t clock_ = 0;
  std::map<std::uint64_t, Block> blocks_;
};

class BlockPoolProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(BlockPoolProperty, EqualsAListByLastUse) {
  Random random(GetParam());
  constexpr std::int64_t capacity = 40;
  Pool pool(capacity);
  Model model(capacity);
  struct Lease {
    BlockRun run;
    std::vector<std::uint64_t> slots;
  };
  std::deque<Lease> leases;
  const auto some_run = [&] {
    return run_of(random.below(40) * 5, static_cast<std::int32_t>(1 + random.below(20)));
  };
  for (int step = 0; step < 1500; ++step) {
    const BlockRun run = some_run();
    switch (random.below(4)) {
      case 0: {
        const auto complete =
            random.below(4) > 0 ? run.count : static_cast<std::int32_t>(random.below(10));
        BlockPool::Store store = pool.blocks.begin_store(run);
        for (std::int32_t i = 0; i < run.count; ++i) {
          if (!store.wants(i)) continue;
          const BlockId block = block_of(run, i);
          const auto slot = pool.blocks.space(store, i);
          fill_synthetic(seed, block, slot.first(64));
          seal_block(format, slot, block, pool.blocks.generation_of(store, i), config);
        }
        ASSERT_EQ(pool.blocks.commit(std::move(store), complete), model.store(run, complete))
            << "step " << step;
        break;
      }
      case 1: {
        Lease lease;
        const std::int32_t granted = pool.blocks.lease(run, lease.slots);
        ASSERT_EQ(granted, model.lease(run)) << "step " << step;
        lease.run = {run.first, granted};
        if (granted > 0) leases.push_back(std::move(lease));
        break;
      }
      case 2:
        if (leases.empty()) break;
        std::swap(leases[random.below(leases.size())], leases.back());
        pool.blocks.release(leases.back().run);
        model.release(leases.back().run);
        leases.pop_back();
        break;
      default:
        ASSERT_EQ(pool.blocks.lookup(run), model.lookup(run)) << "step " << step;
    }
    std::set<std::uint64_t> names;
    for (std::uint64_t id = 0; id < 220; ++id) {
      if (pool.blocks.lookup(run_of(id, 1)) == 1) names.insert(id);
    }
    ASSERT_EQ(names, model.names()) << "step " << step;
    ASSERT_EQ(pool.blocks.stored(), static_cast<std::int64_t>(names.size()));
    for (const Lease& lease : leases) {
      for (std::int32_t i = 0; i < lease.run.count; ++i) {
        ASSERT_EQ(check_block(format, pool.slot(lease.slots[static_cast<std::size_t>(i)]),
                              block_of(lease.run, i), config),
                  BlockCheck::ok)
            << "step " << step;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, BlockPoolProperty, ::testing::Range(0U, 20U));

}  // namespace
}  // namespace calvo::realrun
