#include "realrun/node/node_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/realrun/node/node_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr BlockRun run_of(std::uint64_t first, std::int32_t count) {
  return {BlockId{first}, count};
}

TEST(NodeServer, FindsWhatWasStored) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  EXPECT_EQ(lookup(client, run_of(100, 8)), 0);
  const NodeReply stored = store(client, run_of(100, 8));
  EXPECT_EQ(stored.kind, NodeReply::Kind::stored);
  EXPECT_EQ(stored.blocks, 8);
  EXPECT_EQ(stored.text, "");
  EXPECT_EQ(lookup(client, run_of(100, 8)), 8);
  EXPECT_EQ(lookup(client, run_of(104, 8)), 4);
  EXPECT_EQ(lookup(client, run_of(99, 8)), 0);
  EXPECT_EQ(server.counters().stored_blocks, 8U);
  EXPECT_EQ(server.counters().lookups, 4U);
}

TEST(NodeServer, TellsWhatItIs) {
  NodeOptions options = small_node(10);
  options.preload.runs = {run_of(1, 4), run_of(50, 20)};
  const NodeServer server(options);
  const NodeClient client(to(server));
  EXPECT_EQ(client.info().capacity_blocks, 10);
  EXPECT_EQ(client.info().stored_blocks, 10);
  EXPECT_EQ(client.info().slot_stride, BlockFormat{4096}.stride());
  EXPECT_EQ(client.info().pool_bytes, 10U * static_cast<std::uint64_t>(BlockFormat{4096}.stride()));
  EXPECT_THAT(client.info().offers, IsEmpty());
}

TEST(NodeServer, AnswersManyRunsAtOnceAndInTheOrderOfTheCalls) {
  NodeOptions options = small_node();
  options.preload.runs = {run_of(0, 4), run_of(20, 6)};
  const NodeServer server(options);
  NodeClient client(to(server));
  const BlockRun runs[] = {run_of(0, 10), run_of(4, 1), run_of(22, 2)};
  client.lookup(11, runs);
  client.lease(12, run_of(21, 9));
  client.lookup(13, std::span(runs, 1));
  const std::vector<NodeReply> replies = answers(client, 3);
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies[0].tag, 11U);
  EXPECT_THAT(replies[0].counts, ElementsAre(4, 0, 2));
  EXPECT_EQ(replies[1].tag, 12U);
  EXPECT_EQ(replies[1].slots.size(), 5U);
  EXPECT_EQ(replies[2].tag, 13U);
  EXPECT_THAT(replies[2].counts, ElementsAre(4));
}

TEST(NodeServer, ServesTwoEnginesAtOnce) {
  const NodeServer server(small_node());
  NodeClient writer(to(server));
  NodeClient reader(to(server));
  EXPECT_EQ(store(writer, run_of(5, 3)).blocks, 3);
  EXPECT_EQ(lookup(reader, run_of(5, 9)), 3);
  EXPECT_EQ(lease(reader, run_of(5, 9)).slots.size(), 3U);
}

}  // namespace
}  // namespace calvo::realrun::testing
