#include "control/storage_node.hpp"

#include <gtest/gtest.h>

namespace calvo::control {
namespace {

BlockRun run(std::uint64_t first, std::int32_t count) {
  return {BlockId{first}, count};
}

TEST(StorageNode, FindsWhatWasWrittenOnlyWhenTheWriteHasEnded) {
  StorageNode node(10);
  EXPECT_EQ(node.lookup(run(1, 4)), 0);
  const StorageNode::Accepted accepted = node.begin_write(run(1, 4));
  EXPECT_EQ(accepted.skip, 0);
  EXPECT_EQ(accepted.write, 4);
  EXPECT_EQ(node.lookup(run(1, 4)), 0);
  node.end_write(run(1, 4));
  EXPECT_EQ(node.lookup(run(1, 4)), 4);
  EXPECT_EQ(node.lookup(run(1, 9)), 4);
  EXPECT_EQ(node.lookup(run(0, 4)), 0) << "a prefix or nothing";
  EXPECT_EQ(node.used(), 4);
}

TEST(StorageNode, SkipsWhatItHasAndTakesTheNextAbsentPiece) {
  StorageNode node(10);
  node.preload(run(1, 3));
  node.preload(run(6, 2));
  const StorageNode::Accepted accepted = node.begin_write(run(1, 7));
  EXPECT_EQ(accepted.skip, 3);
  EXPECT_EQ(accepted.write, 2) << "up to the next piece that is there";
  const StorageNode::Accepted again = node.begin_write(run(4, 2));
  EXPECT_EQ(again.skip, 2) << "somebody is writing it";
  EXPECT_EQ(again.write, 0);
}

TEST(StorageNode, EvictsTheLeastRecentlyReadAndNeverWhatIsBeingRead) {
  StorageNode node(4);
  node.preload(run(1, 2));
  node.preload(run(10, 2));
  EXPECT_EQ(node.lookup(run(1, 2)), 2);  // does not count as a use
  EXPECT_EQ(node.begin_read(run(1, 2)), 2);
  EXPECT_EQ(node.begin_write(run(20, 3)).write, 2) << "two of four are being read";
  EXPECT_EQ(node.lookup(run(10, 2)), 0);
  EXPECT_EQ(node.evictions(), 2);
  node.end_write(run(20, 2));
  node.end_read(run(1, 2));
  EXPECT_EQ(node.begin_write(run(30, 1)).write, 1);
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
  const StorageNode::Accepted accepted = node.begin_write(run(7, 1));
  EXPECT_EQ(accepted.skip, 0);
  EXPECT_EQ(accepted.write, 0);
}

TEST(StorageNode, AnAbandonedWriteLeavesNothing) {
  StorageNode node(2);
  EXPECT_EQ(node.begin_write(run(1, 2)).write, 2);
  node.abandon_write(run(1, 2));
  EXPECT_EQ(node.used(), 0);
  EXPECT_EQ(node.lookup(run(1, 2)), 0);
  EXPECT_EQ(node.begin_write(run(1, 2)).write, 2);
}

TEST(StorageNode, PreloadStopsAtItsCapacity) {
  StorageNode node(3);
  node.preload(run(1, 5));
  EXPECT_EQ(node.used(), 3);
  EXPECT_EQ(node.lookup(run(1, 5)), 3);
}

}  // namespace
}  // namespace calvo::control
