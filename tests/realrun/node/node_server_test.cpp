#include "realrun/node/node_server.hpp"

#include <memory>
#include <optional>
#include <vector>

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

TEST(NodeClient, KnowsTheAddressBehindAName) {
  const NodeServer server(small_node());
  ConnectOptions options = to(server);
  options.endpoint.host = "localhost";
  EXPECT_EQ(NodeClient(options).info().address, "127.0.0.1");
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

TEST(NodeServer, LookupsAreNoUseAndLeasesAre) {
  const NodeServer server(small_node(4));
  NodeClient client(to(server));
  store(client, run_of(10, 2));
  store(client, run_of(20, 2));
  EXPECT_EQ(lookup(client, run_of(10, 2)), 2);  // does not save it
  store(client, run_of(30, 2));
  EXPECT_EQ(lookup(client, run_of(10, 2)), 0);
  client.release(lease(client, run_of(20, 2)).lease);
  store(client, run_of(40, 2));
  EXPECT_EQ(lookup(client, run_of(20, 2)), 2);
  EXPECT_EQ(lookup(client, run_of(30, 2)), 0);
  EXPECT_EQ(server.counters().evicted_blocks, 4U);
}

TEST(NodeServer, WhatIsLeasedStaysUntilItIsReleased) {
  const NodeServer server(small_node(4));
  NodeClient client(to(server));
  store(client, run_of(10, 4));
  const NodeReply held = lease(client, run_of(10, 3));
  EXPECT_EQ(held.slots.size(), 3U);
  const NodeReply stored = store(client, run_of(20, 3));
  EXPECT_EQ(stored.blocks, 1);
  EXPECT_EQ(stored.text, "no room: every block of the pool is in use");
  EXPECT_EQ(lookup(client, run_of(10, 4)), 3);
  client.release(held.lease);
  EXPECT_EQ(store(client, run_of(30, 3)).blocks, 3);
  EXPECT_EQ(server.counters().refused_blocks, 2U);
}

TEST(NodeServer, LeasesEndWithTheirConnection) {
  const NodeServer server(small_node(4));
  NodeClient other(to(server));
  {
    NodeClient client(to(server));
    store(client, run_of(10, 4));
    EXPECT_EQ(lease(client, run_of(10, 4)).slots.size(), 4U);
    EXPECT_EQ(store(other, run_of(20, 1)).blocks, 0);
  }
  EXPECT_TRUE(eventually([&] { return store(other, run_of(20, 4)).blocks == 4; }));
}

TEST(NodeServer, AReleaseOfALeaseThatIsNoneEndsTheConnectionOnly) {
  const NodeServer server(small_node());
  NodeClient good(to(server));
  NodeClient bad(to(server));
  bad.release(99);
  bad.lookup(7, std::vector{run_of(1, 1)});
  const NodeReply reply = answers(bad).at(0);
  EXPECT_EQ(reply.kind, NodeReply::Kind::gone);
  EXPECT_EQ(reply.tag, 7U);
  EXPECT_FALSE(bad.alive());
  EXPECT_EQ(lookup(good, run_of(1, 1)), 0);
  EXPECT_EQ(server.counters().malformed_frames, 1U);
}

TEST(NodeServer, ADamagedBlockIsNotTakenAndWhatFollowsItNeither) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  auto blocks = make_blocks(small_config(), run_of(10, 4));
  blocks[2][100] ^= std::byte{1};
  client.store(3, run_of(10, 4), views(blocks));
  const NodeReply reply = answers(client).at(0);
  EXPECT_EQ(reply.blocks, 2);
  EXPECT_EQ(reply.written, 2);
  EXPECT_EQ(reply.text, "block 12 is damaged or another one");
  EXPECT_EQ(lookup(client, run_of(10, 4)), 2);
  EXPECT_EQ(store(client, run_of(10, 4)).blocks, 4);
}

TEST(NodeServer, ABlockUnderAnotherNameIsNotTaken) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  const auto blocks = make_blocks(small_config(), run_of(10, 1));
  client.store(3, run_of(11, 1), views(blocks));
  EXPECT_EQ(answers(client).at(0).blocks, 0);
  EXPECT_EQ(lookup(client, run_of(11, 1)), 0);
}

TEST(NodeServer, WhatAnotherStoreBroughtIsNotWrittenAgain) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  store(client, run_of(12, 2));
  EXPECT_EQ(client.blocks_sent(), 2U);
  const NodeReply all = store(client, run_of(10, 8));
  EXPECT_EQ(all.blocks, 8);
  EXPECT_EQ(all.written, 6);
  EXPECT_EQ(client.blocks_sent(), 8U) << "nor sent";
  const NodeReply again = store(client, run_of(10, 8));
  EXPECT_EQ(again.blocks, 8);
  EXPECT_EQ(again.written, 0);
  EXPECT_EQ(client.blocks_sent(), 8U);
  EXPECT_EQ(server.counters().stored_blocks, 8U);
}

TEST(NodeServer, MakesWhateverIsAskedForIfToldTo) {
  NodeOptions options = small_node(8);
  options.synthetic_on_demand = true;
  const NodeServer server(options);
  NodeClient client(to(server));
  EXPECT_EQ(lookup(client, run_of(1000, 6)), 6);
  EXPECT_EQ(lease(client, run_of(2000, 12)).slots.size(), 8U);
  EXPECT_EQ(lease(client, run_of(3000, 1)).slots.size(), 0U);  // all are in use
}

TEST(NodeServer, ALookupOvertakesTheBlocksOfAStore) {
  NodeOptions options = small_node(2048);
  const NodeServer server(options);
  NodeClient client(to(server));
  const BlockRun all = run_of(0, 2048);  // 8 MiB, more than a socket takes at once
  const auto blocks = make_blocks(small_config(), all);
  client.store(1, all, views(blocks));
  client.lookup(2, std::span(&all, 1));
  const std::vector<NodeReply> replies = answers(client, 2);
  EXPECT_EQ(replies.at(0).tag, 2U);
  EXPECT_EQ(replies.at(1).tag, 1U);
  EXPECT_EQ(replies.at(1).blocks, 2048);
}

TEST(NodeServer, AnEngineThatLeavesInAStoreLeavesWhatItHasBrought) {
  const NodeServer server(small_node(2048));
  const BlockRun all = run_of(0, 2048);
  {
    NodeClient client(to(server));
    const auto blocks = make_blocks(small_config(), all);
    client.store(1, all, views(blocks));
    std::vector<NodeReply> none;
    // The node has said what it wants, and the socket takes as much as it can.
    EXPECT_TRUE(eventually([&] {
      client.poll(none);
      return client.blocks_sent() > 1;
    }));
  }
  NodeClient client(to(server));
  EXPECT_TRUE(eventually([&] { return server.counters().stored_blocks > 0; }));
  EXPECT_EQ(store(client, all).blocks, 2048);
}

TEST(NodeClient, OpenCallsAreAnsweredWithGoneWhenTheNodeGoes) {
  auto server = std::make_unique<NodeServer>(small_node());
  NodeClient client(to(*server));
  server.reset();
  const BlockRun run = run_of(1, 1);
  client.lookup(5, std::span(&run, 1));
  client.lease(6, run);
  const auto blocks = make_blocks(small_config(), run);
  client.store(7, run, views(blocks));
  const std::vector<NodeReply> replies = answers(client, 3);
  std::vector<std::uint64_t> tags;
  for (const NodeReply& reply : replies) {
    EXPECT_EQ(reply.kind, NodeReply::Kind::gone);
    EXPECT_EQ(reply.text, "the connection to the storage node is lost");
    tags.push_back(reply.tag);
  }
  EXPECT_THAT(tags, ElementsAre(5, 6, 7));
  EXPECT_FALSE(client.alive());
  client.lookup(8, std::span(&run, 1));
  EXPECT_EQ(answers(client).at(0).kind, NodeReply::Kind::gone);
}

TEST(NodeClient, ACallBeyondWhatMayWaitIsRefusedAtOnce) {
  const NodeServer server(small_node(64));
  ConnectOptions options = to(server);
  options.most_unsent = 100;
  NodeClient client(options);
  const std::vector<BlockRun> many(20, run_of(0, 1));
  client.lookup(1, many);
  const NodeReply reply = answers(client).at(0);
  EXPECT_EQ(reply.kind, NodeReply::Kind::refused);
  EXPECT_EQ(reply.text, "0 bytes wait to be sent; the node does not take them as fast");
  EXPECT_EQ(lookup(client, run_of(0, 2)), 0);
}

TEST(NodeClient, CopiesAStoreBlockByBlock) {
  const NodeServer server(small_node(2048));
  NodeClient client(to(server));
  const BlockRun all = run_of(0, 2048);  // 8 MiB, more than a socket takes at once
  auto blocks = make_blocks(small_config(), all);
  client.store(1, all, views(blocks));
  EXPECT_EQ(client.blocks_sent(), 0U);
  blocks.back() = make_blocks(small_config(), run_of(5000, 1)).front();  // not before its turn
  const NodeReply reply = answers(client).at(0);
  EXPECT_EQ(reply.blocks, 2047);
  EXPECT_EQ(reply.text, "block 2047 is damaged or another one");
  EXPECT_EQ(client.blocks_sent(), 2048U);
}

TEST(NodeServer, AStoreNeverEvictsTheBeginningOfItsOwnRun) {
  const NodeServer server(small_node(8));
  NodeClient client(to(server));
  store(client, run_of(0, 4));
  store(client, run_of(100, 4));
  const NodeReply stored = store(client, run_of(0, 12));
  EXPECT_EQ(stored.blocks, 8);
  EXPECT_EQ(stored.text, "no room: every block of the pool is in use");
  EXPECT_EQ(lookup(client, run_of(0, 12)), 8);
  EXPECT_EQ(server.counters().stored_blocks, 12U);
  EXPECT_EQ(server.counters().refused_blocks, 4U);
  EXPECT_EQ(store(client, run_of(200, 1)).blocks, 1);
  EXPECT_EQ(lookup(client, run_of(0, 12)), 7);
}

TEST(NodeServer, LeavesNoThreadAndNoDescriptor) {
  const auto once = [](std::optional<std::uint16_t> metrics_port) {
    NodeOptions options = small_node();
    options.fabrics = {"tcp"};
    options.metrics_port = metrics_port;
    const NodeServer server(options);
    NodeClient client(to(server));
    NodeClient other(to(server));
    store(client, run_of(1, 3));
    lease(other, run_of(1, 3));
  };
  once(0);  // what libraries open once stays open
  const int descriptors = open_descriptors();
  const int tasks = threads();
  once(0);
  for (int i = 0; i < 3; ++i) once(std::nullopt);
  EXPECT_TRUE(eventually([&] { return threads() == tasks; })) << threads() << " not " << tasks;
  EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
}  // namespace calvo::realrun::testing
