#include "control/storage_node.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace calvo::control {
namespace {

BlockRun run(std::uint64_t first, std::int32_t count) {
  return {BlockId{first}, count};
}

/// Blocks that a write of `blocks` takes, all of which it then brings.
std::int32_t write_all(StorageNode& node, BlockRun blocks) {
  StorageNode::Write write;
  node.begin_write(blocks, write);
  const std::int32_t taken = write.taken();
  node.end_write(write, blocks.count);
  return taken;
}

TEST(StorageNode, FindsWhatWasWrittenOnlyWhenTheWriteHasEnded) {
  StorageNode node(10);
  EXPECT_EQ(node.lookup(run(1, 4)), 0);
  StorageNode::Write write;
  node.begin_write(run(1, 4), write);
  EXPECT_EQ(write.taken(), 4);
  EXPECT_EQ(node.lookup(run(1, 4)), 0);
  node.end_write(write, 4);
  EXPECT_EQ(node.lookup(run(1, 4)), 4);
  EXPECT_EQ(node.lookup(run(1, 9)), 4);
  EXPECT_EQ(node.lookup(run(0, 4)), 0) << "a prefix or nothing";
  EXPECT_EQ(node.used(), 4);
}

TEST(StorageNode, TakesEachAbsentPieceOfARun) {
  using Kind = StorageNode::Write::Kind;
  StorageNode node(10);
  node.preload(run(1, 3));
  node.preload(run(6, 2));
  StorageNode::Write write;
  node.begin_write(run(1, 8), write);
  ASSERT_EQ(write.pieces.size(), 4U);
  const std::pair<BlockRun, Kind> pieces[] = {{run(1, 3), Kind::held},
                                              {run(4, 2), Kind::taken},
                                              {run(6, 2), Kind::held},
                                              {run(8, 1), Kind::taken}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(write.pieces[i].blocks, pieces[i].first) << i;
    EXPECT_EQ(write.pieces[i].kind, pieces[i].second) << i;
  }
  StorageNode::Write again;
  node.begin_write(run(4, 2), again);
  EXPECT_EQ(again.taken(), 0) << "somebody is writing it";
  node.end_write(again, 2);
  EXPECT_EQ(node.lookup(run(1, 8)), 3);
  node.end_write(write, 8);
  EXPECT_EQ(node.lookup(run(1, 8)), 8);
}

TEST(StorageNode, AWriteNeverEvictsTheBeginningOfItsOwnRun) {
  StorageNode node(8);
  node.preload(run(0, 4));
  node.preload(run(100, 4));
  EXPECT_EQ(write_all(node, run(0, 12)), 4) << "as many as fit behind its beginning";
  EXPECT_EQ(node.lookup(run(0, 12)), 8);
  EXPECT_EQ(node.lookup(run(100, 4)), 0);
  EXPECT_EQ(write_all(node, run(200, 1)), 1);
  EXPECT_EQ(node.lookup(run(0, 12)), 7) << "the deepest block goes first";
}

TEST(StorageNode, WhatAWriteFindsStoredCountsAsUsed) {
  StorageNode node(8);
  node.preload(run(0, 4));
  node.preload(run(100, 4));
  EXPECT_EQ(write_all(node, run(0, 4)), 0);
  EXPECT_EQ(write_all(node, run(200, 4)), 4);
  EXPECT_EQ(node.lookup(run(0, 4)), 4);
  EXPECT_EQ(node.lookup(run(100, 4)), 0);
}

TEST(StorageNode, WhatAnotherWriteBringsMeanwhileCountsAsUsed) {
  StorageNode node(8);
  StorageNode::Write first, second;
  node.begin_write(run(0, 4), first);
  node.begin_write(run(0, 6), second);
  EXPECT_EQ(second.taken(), 2);
  node.end_write(first, 4);
  node.preload(run(100, 2));
  node.end_write(second, 6);
  EXPECT_EQ(write_all(node, run(200, 3)), 3);
  EXPECT_EQ(node.lookup(run(0, 6)), 5) << "100, 101 were older, then its deepest";
  EXPECT_EQ(node.lookup(run(100, 2)), 0);
}

TEST(StorageNode, TheEndOfARunGivesItsRoomToItsBeginning) {
  StorageNode node(4);
  node.preload(run(4, 4));
  EXPECT_EQ(write_all(node, run(0, 8)), 4) << "nothing could be found of what is there";
  EXPECT_EQ(node.lookup(run(0, 8)), 4);
  EXPECT_EQ(node.used(), 4);
}

TEST(StorageNode, NothingIsWrittenBehindAGapThatCannotBeFilled) {
  StorageNode node(6);
  node.preload(run(2, 1));
  node.preload(run(100, 4));
  ASSERT_EQ(node.begin_read(run(100, 4)), 4);
  StorageNode::Write write;
  node.begin_write(run(0, 9), write);  // of its 8 absent blocks 1 and the room of block 2 fit
  EXPECT_EQ(write.taken(), 2);
  ASSERT_EQ(write.pieces.size(), 1U);
  EXPECT_EQ(write.pieces[0].blocks, run(0, 2));
  node.end_write(write, 9);
  EXPECT_EQ(node.lookup(run(0, 9)), 2);
  node.end_read(run(100, 4));
  EXPECT_EQ(node.lookup(run(100, 4)), 4);
}

TEST(StorageNode, EvictsTheLeastRecentlyReadAndNeverWhatIsBeingRead) {
  StorageNode node(4);
  node.preload(run(1, 2));
  node.preload(run(10, 2));
  EXPECT_EQ(node.lookup(run(1, 2)), 2);  // does not count as a use
  EXPECT_EQ(node.begin_read(run(1, 2)), 2);
  EXPECT_EQ(write_all(node, run(20, 3)), 2) << "two of four are being read";
  EXPECT_EQ(node.lookup(run(10, 2)), 0);
  EXPECT_EQ(node.evictions(), 2);
  node.end_read(run(1, 2));
  EXPECT_EQ(write_all(node, run(30, 1)), 1);
  EXPECT_EQ(node.lookup(run(20, 2)), 1) << "stored before the other was read: the older one";
  EXPECT_EQ(node.lookup(run(1, 2)), 2);
}

TEST(StorageNode, GrantsAReadOfTheLeadingBlocksThatItHas) {
  StorageNode node(4);
  node.preload(run(1, 2));
  EXPECT_EQ(node.begin_read(run(1, 4)), 2);
  EXPECT_EQ(node.begin_read(run(3, 4)), 0);
  node.end_read(run(1, 2));
  node.end_read(run(3, 0));
}

TEST(StorageNode, RefusesAWriteWhenEverythingIsInUse) {
  StorageNode node(2);
  node.preload(run(1, 2));
  node.begin_read(run(1, 2));
  StorageNode::Write write;
  node.begin_write(run(7, 1), write);
  EXPECT_TRUE(write.pieces.empty());
}

TEST(StorageNode, AnAbandonedWriteLeavesNothingButWhatWasThere) {
  StorageNode node(4);
  node.preload(run(1, 1));
  node.preload(run(100, 1));
  StorageNode::Write write;
  node.begin_write(run(1, 3), write);
  EXPECT_EQ(write.taken(), 2);
  node.abandon_write(write);
  EXPECT_EQ(node.used(), 2);
  EXPECT_EQ(node.lookup(run(1, 3)), 1);
  EXPECT_EQ(write_all(node, run(200, 3)), 3) << "and nothing is held";
  EXPECT_EQ(node.lookup(run(1, 3)), 1) << "the others were older";
}

TEST(StorageNode, AWriteThatBreaksOffLeavesItsCompleteBeginning) {
  StorageNode node(8);
  node.preload(run(2, 2));
  StorageNode::Write write;
  node.begin_write(run(0, 8), write);
  node.end_write(write, 5);
  EXPECT_EQ(node.lookup(run(0, 8)), 5);
  EXPECT_EQ(node.used(), 5);
}

TEST(StorageNode, PreloadStopsAtItsCapacity) {
  StorageNode node(3);
  node.preload(run(1, 5));
  EXPECT_EQ(node.used(), 3);
  EXPECT_EQ(node.lookup(run(1, 5)), 3);
}

}  // namespace
}  // namespace calvo::control
