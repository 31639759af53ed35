#include "control/kv_book.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::control {
namespace {

using State = KvBook::State;

BlockRun run(std::uint64_t first, std::int32_t count) {
  return {BlockId{first}, count};
}

/// Fills the book with resident blocks that nobody uses.
void cache(KvBook& book, BlockRun blocks) {
  book.reserve(blocks, 0);
  book.fill(blocks);
  book.unpin(blocks);
}

std::vector<BlockRun> evicted(KvBook& book) {
  std::vector<BlockRun> out;
  book.take_evicted(out);
  return out;
}

TEST(KvBook, ABlockIsAbsentThenLoadingThenResident) {
  KvBook book(10);
  EXPECT_EQ(book.look(run(5, 4)).state, State::absent);
  EXPECT_EQ(book.look(run(5, 4)).count, 4);
  book.reserve(run(5, 4), 17);
  EXPECT_EQ(book.look(run(5, 4)).state, State::loading);
  EXPECT_EQ(book.look(run(5, 4)).owner, 17U);
  EXPECT_EQ(book.look(run(3, 9)).count, 2) << "absent up to the first loading block";
  book.fill(run(5, 2));
  EXPECT_EQ(book.look(run(5, 4)).state, State::resident);
  EXPECT_EQ(book.look(run(5, 4)).count, 2);
  EXPECT_EQ(book.resident_prefix(run(5, 4)), 2);
  EXPECT_EQ(book.used(), 4);
  EXPECT_EQ(book.evictable(), 0) << "what has landed stays pinned";
  book.drop(run(7, 2));
  EXPECT_EQ(book.used(), 2);
}

TEST(KvBook, EvictsTheLeastRecentlyUsedPrefixFromItsDeepEnd) {
  KvBook book(6);
  book.record_evictions();
  cache(book, run(10, 3));
  cache(book, run(20, 3));
  book.make_room(1);
  EXPECT_EQ(evicted(book), std::vector<BlockRun>{run(12, 1)});
  book.pin(run(10, 2));  // used again: now the other one is older
  book.unpin(run(10, 2));
  book.make_room(3);
  EXPECT_EQ(evicted(book), std::vector<BlockRun>{run(21, 2)});
  EXPECT_EQ(book.resident_prefix(run(20, 3)), 1);
  EXPECT_EQ(book.resident_prefix(run(10, 3)), 2);
}

TEST(KvBook, PinnedBlocksAreNotEvicted) {
  KvBook book(4);
  cache(book, run(0, 4));
  book.pin(run(0, 3));
  book.pin(run(0, 1));
  EXPECT_EQ(book.available(), 1);
  EXPECT_THROW(book.make_room(2), ContractViolation);
  book.unpin(run(0, 3));
  EXPECT_EQ(book.available(), 3) << "the first block is pinned a second time";
  book.reserve(run(50, 3), 1);
  EXPECT_EQ(book.resident_prefix(run(0, 4)), 1);
}

TEST(KvBook, AnonymousSlotsCountAndCanGetNames) {
  KvBook book(5);
  cache(book, run(0, 4));
  book.take(3);
  EXPECT_EQ(book.used(), 5);
  EXPECT_EQ(book.evictable(), 2);
  book.adopt(run(70, 2));
  EXPECT_EQ(book.used(), 5);
  EXPECT_EQ(book.resident_prefix(run(70, 9)), 2);
  EXPECT_EQ(book.evictable(), 2) << "adopted blocks are pinned once";
  book.unpin(run(70, 2));
  book.give(1);
  EXPECT_EQ(book.used(), 4);
  EXPECT_EQ(book.evictable(), 4);
  EXPECT_THROW(book.give(1), ContractViolation);
}

TEST(KvBook, NeighboursThatAreUsedAlikeAreOneExtent) {
  KvBook book(1000);
  for (std::uint64_t at = 0; at < 100; at += 10) {
    book.reserve(run(at, 10), 0);
    book.fill(run(at, 10));
  }
  EXPECT_EQ(book.extents(), 10);
  book.unpin(run(0, 100));
  EXPECT_EQ(book.extents(), 1);
}

TEST(KvBook, CountsHowOftenABlockWasPinned) {
  KvBook book(8, true);
  cache(book, run(0, 4));
  EXPECT_EQ(book.look(run(0, 4)).touches, 0);
  for (int i = 0; i < 300; ++i) {
    book.pin(run(0, 2));
    book.unpin(run(0, 2));
  }
  book.pin(run(0, 4));
  EXPECT_EQ(book.look(run(0, 4)).touches, 255);
  EXPECT_EQ(book.look(run(0, 4)).count, 2);
  EXPECT_EQ(book.look(run(2, 2)).touches, 1);
}

/// The definition of right: a cache of single blocks.
class BlockCache {
public:
  struct Block {
    State state = State::loading;
    std::uint32_t owner = 0;
    int pins = 1;
    int touches = 0;
  };

  explicit BlockCache(std::int64_t capacity) : capacity_(capacity) {}

  std::int64_t used() const { return static_cast<std::int64_t>(blocks_.size()) + anonymous_; }
  std::int64_t evictable() const { return static_cast<std::int64_t>(unpinned_.size()); }
  std::int64_t available() const { return capacity_ - used() + evictable(); }
  const Block* find(std::uint64_t id) const {
    const auto found = blocks_.find(id);
    return found == blocks_.end() ? nullptr : &found->second;
  }
  void make_room(std::int64_t slots) {
    while (capacity_ - used() < slots) {
      evicted.push_back(unpinned_.back());
      blocks_.erase(unpinned_.back());
      unpinned_.pop_back();
    }
  }
  void reserve(BlockRun blocks, std::uint32_t owner) {
    make_room(blocks.count);
    each(blocks, [&](std::uint64_t id) { blocks_[id] = Block{State::loading, owner, 1, 0}; });
  }
  void fill(BlockRun blocks) {
    each(blocks, [&](std::uint64_t id) { blocks_.at(id).state = State::resident; });
  }
  void drop(BlockRun blocks) {
    each(blocks, [&](std::uint64_t id) { blocks_.erase(id); });
  }
  void pin(BlockRun blocks) {
    each(blocks, [&](std::uint64_t id) {
      Block& block = blocks_.at(id);
      if (block.pins++ == 0) unpinned_.remove(id);
      block.touches = std::min(255, block.touches + 1);
    });
  }
  void unpin(BlockRun blocks) {
    for (std::uint64_t i = static_cast<std::uint64_t>(blocks.count); i-- > 0;) {
      const std::uint64_t id = raw(blocks.first) + i;
      if (--blocks_.at(id).pins == 0) unpinned_.push_front(id);
    }
  }
  void take(std::int64_t slots) {
    make_room(slots);
    anonymous_ += slots;
  }
  void give(std::int64_t slots) { anonymous_ -= slots; }
  void adopt(BlockRun blocks) {
    anonymous_ -= blocks.count;
    each(blocks, [&](std::uint64_t id) { blocks_[id] = Block{State::resident, 0, 1, 0}; });
  }
  std::int64_t anonymous() const { return anonymous_; }

  std::vector<std::uint64_t> evicted;  ///< in order

private:
  template <class Visit>
  static void each(BlockRun blocks, Visit visit) {
    for (std::int32_t i = 0; i < blocks.count; ++i) {
      visit(raw(block_of(blocks, i)));
    }
  }

  std::int64_t capacity_;
  std::int64_t anonymous_ = 0;
  std::map<std::uint64_t, Block> blocks_;
  std::list<std::uint64_t> unpinned_;  ///< most recently used first
};

class KvBookProperty : public ::testing::TestWithParam<unsigned> {};

// Property: extents are an encoding; every answer is that of a cache of single blocks.
TEST_P(KvBookProperty, BehavesLikeACacheOfSingleBlocks) {
  Random random(GetParam());
  const std::int64_t capacity = 1 + static_cast<std::int64_t>(random.below(40));
  const bool touches = random.below(2) == 0;
  KvBook book(capacity, touches);
  book.record_evictions();
  BlockCache truth(capacity);
  std::vector<BlockRun> pinned;   // what the test may unpin
  std::vector<BlockRun> loading;  // what it may fill or drop
  constexpr std::uint64_t ids = 64;

  const auto some_run = [&] {
    const std::uint64_t first = random.below(ids);
    return run(first, 1 + static_cast<std::int32_t>(random.below(12)));
  };
  /// The leading part of `blocks` whose blocks all satisfy `wanted`.
  const auto prefix = [&](BlockRun blocks, auto wanted) {
    std::int32_t count = 0;
    while (count < blocks.count && wanted(truth.find(raw(block_of(blocks, count))))) {
      ++count;
    }
    return BlockRun{blocks.first, count};
  };
  const auto absent = [](const BlockCache::Block* block) { return block == nullptr; };
  const auto resident = [](const BlockCache::Block* block) {
    return block != nullptr && block->state == State::resident;
  };
  const auto take_one = [&](std::vector<BlockRun>& from) {
    const auto at = static_cast<std::ptrdiff_t>(random.below(from.size()));
    BlockRun chosen = from[static_cast<std::size_t>(at)];
    from.erase(from.begin() + at);
    if (chosen.count > 1 && random.below(2) == 0) {  // in two parts, at any block
      const auto head =
          1 + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(chosen.count) - 1));
      from.push_back(run(raw(block_of(chosen, head)), chosen.count - head));
      chosen.count = head;
    }
    return chosen;
  };

  for (int operation = 0; operation < 600; ++operation) {
    switch (random.below(8)) {
      case 0:
      case 1: {
        BlockRun blocks = prefix(some_run(), absent);
        blocks.count =
            static_cast<std::int32_t>(std::min<std::int64_t>(blocks.count, truth.available()));
        if (blocks.count == 0) break;
        const auto owner = static_cast<std::uint32_t>(random.below(5));
        book.reserve(blocks, owner);
        truth.reserve(blocks, owner);
        loading.push_back(blocks);
        break;
      }
      case 2:
        if (!loading.empty()) {
          const BlockRun blocks = take_one(loading);
          book.fill(blocks);
          truth.fill(blocks);
          pinned.push_back(blocks);
        }
        break;
      case 3:
        if (!loading.empty() && random.below(2) == 0) {
          const BlockRun blocks = take_one(loading);
          book.drop(blocks);
          truth.drop(blocks);
        }
        break;
      case 4: {
        const BlockRun blocks = prefix(some_run(), resident);
        if (blocks.count == 0) break;
        book.pin(blocks);
        truth.pin(blocks);
        pinned.push_back(blocks);
        break;
      }
      case 5:
      case 6:
        if (!pinned.empty()) {
          const BlockRun blocks = take_one(pinned);
          book.unpin(blocks);
          truth.unpin(blocks);
        }
        break;
      default: {
        const auto kind = random.below(3);
        if (kind == 0) {
          const auto slots = static_cast<std::int64_t>(
              random.below(static_cast<std::uint64_t>(truth.available()) + 1));
          book.take(slots);
          truth.take(slots);
        } else if (kind == 1) {
          const auto slots = static_cast<std::int64_t>(
              random.below(static_cast<std::uint64_t>(truth.anonymous()) + 1));
          book.give(slots);
          truth.give(slots);
        } else {
          BlockRun blocks = prefix(some_run(), absent);
          blocks.count =
              static_cast<std::int32_t>(std::min<std::int64_t>(blocks.count, truth.anonymous()));
          if (blocks.count == 0) break;
          book.adopt(blocks);
          truth.adopt(blocks);
          pinned.push_back(blocks);
        }
      }
    }
    ASSERT_EQ(book.used(), truth.used());
    ASSERT_EQ(book.evictable(), truth.evictable());
    ASSERT_EQ(book.available(), truth.available());
    ASSERT_EQ(book.evictions(), static_cast<std::int64_t>(truth.evicted.size()));
    ASSERT_LE(book.used(), capacity);

    for (std::uint64_t id = 0; id < ids + 12; ++id) {
      const KvBook::Piece piece = book.look(run(id, 9));
      ASSERT_GE(piece.count, 1);
      ASSERT_LE(piece.count, 9);
      for (std::int32_t i = 0; i < piece.count; ++i) {
        const BlockCache::Block* block = truth.find(id + static_cast<std::uint64_t>(i));
        ASSERT_EQ(piece.state, block == nullptr ? State::absent : block->state);
        ASSERT_EQ(piece.pinned, block != nullptr && block->pins > 0);
        if (block == nullptr) continue;
        if (block->state == State::loading) {
          ASSERT_EQ(piece.owner, block->owner);
        }
        ASSERT_EQ(piece.touches, touches ? block->touches : 0);
      }
      ASSERT_EQ(book.resident_prefix(run(id, 9)), prefix(run(id, 9), resident).count);
    }
  }
  std::vector<std::uint64_t> order;
  for (const BlockRun& blocks : evicted(book)) {
    for (std::int32_t i = blocks.count; i-- > 0;) {
      order.push_back(raw(block_of(blocks, i)));
    }
  }
  EXPECT_EQ(order, truth.evicted) << "evictions, oldest first, deepest first";
}

INSTANTIATE_TEST_SUITE_P(Seeds, KvBookProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::control
