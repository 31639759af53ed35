// Pace, faults and metrics of a node, over the tcp fabric.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/node/node_server.hpp"
#include "tests/realrun/node/node_fixture.hpp"
#include "tests/realrun/scrape.hpp"

namespace calvo::realrun::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds a_minute{60};

NodeOptions tcp_node() {
  NodeOptions options = small_node(16);
  options.fabrics = {"tcp"};
  options.preload.runs = {{BlockId{1}, 8}};
  return options;
}

/// An engine with one connection to a node and one to its pool.
class Reader {
public:
  explicit Reader(const NodeServer& server)
      : node_(to(server)), memory_(1 << 20), fabric_(fabric("tcp").make_client()) {
    fabric_->register_memory(memory_);
    peer_ = fabric_->connect("127.0.0.1", node_.info().offers.at(0), node_.info().ticket, a_minute);
  }
  ~Reader() { fabric_->disconnect(peer_); }

  NodeClient& node() { return node_; }

  /// Reads a slot; how that ended.
  ReadStatus read(std::uint64_t slot) {
    const auto size = static_cast<std::size_t>(format().used());
    const Read one{slot * static_cast<std::uint64_t>(node_.info().slot_stride),
                   std::span(memory_).first(size), 1, true};
    if (fabric_->post(peer_, std::span(&one, 1)) != 1) throw std::runtime_error("not posted");
    ReadDone done;
    const auto limit = std::chrono::steady_clock::now() + a_minute;
    while (fabric_->poll(std::span(&done, 1)) == 0) {
      if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("no end of a read");
      fabric_->wait(std::chrono::milliseconds{10});
    }
    return done.status;
  }
  BlockCheck check(std::uint64_t block) const {
    return check_block(format(),
                       std::span(memory_).first(static_cast<std::size_t>(format().used())),
                       BlockId{block}, small_config().digest_word());
  }
  static BlockFormat format() { return {small_config().block_bytes}; }

private:
  NodeClient node_;
  std::vector<std::byte> memory_;
  std::unique_ptr<FabricClient> fabric_;
  PeerId peer_{};
};

TEST(NodePool, LeasedSlotsHoldTheBlocksThatTheyShould) {
  const NodeServer server(tcp_node());
  Reader reader(server);
  const NodeReply held = lease(reader.node(), {BlockId{1}, 8});
  ASSERT_EQ(held.slots.size(), 8U);
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(reader.read(held.slots[i]), ReadStatus::ok);
    EXPECT_EQ(reader.check(1 + i), BlockCheck::ok);
  }
  EXPECT_EQ(server.counters().sent_bytes, 8U * static_cast<std::uint64_t>(Reader::format().used()));
}

TEST(NodePool, WhatOneEngineStoresAnotherReads) {
  const NodeServer server(tcp_node());
  NodeClient writer(to(server));
  Reader reader(server);
  EXPECT_EQ(store(writer, {BlockId{50}, 4}).blocks, 4);
  const NodeReply held = lease(reader.node(), {BlockId{50}, 4});
  ASSERT_EQ(held.slots.size(), 4U);
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(reader.read(held.slots[i]), ReadStatus::ok);
    EXPECT_EQ(reader.check(50 + i), BlockCheck::ok);
  }
}

TEST(NodePool, ATicketEndsWithTheConnectionThatItCameWith) {
  const NodeServer server(tcp_node());
  Reader reader(server);
  EXPECT_EQ(reader.read(0), ReadStatus::ok);
  reader.node().close();
  EXPECT_TRUE(eventually([&] { return reader.read(0) != ReadStatus::ok; }));
}

TEST(NodeFaults, ACorruptBlockIsSeenByItsReader) {
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("corrupt@0s");
  const NodeServer server(options);
  Reader reader(server);
  const NodeReply held = lease(reader.node(), {BlockId{1}, 1});
  EXPECT_EQ(reader.read(held.slots.at(0)), ReadStatus::ok);
  EXPECT_EQ(reader.check(1), BlockCheck::damaged);
  EXPECT_EQ(server.counters().faults, 1U);
}

TEST(NodeFaults, DroppedAndTruncatedReadsFail) {
  for (const char* script : {"drop@0s", "truncate@0s"}) {
    NodeOptions options = tcp_node();
    options.faults = parse_fault_script(script);
    const NodeServer server(options);
    Reader reader(server);
    EXPECT_EQ(reader.read(0), ReadStatus::peer_gone) << script;
    EXPECT_EQ(server.counters().faults, 1U) << script;
  }
}

TEST(NodeFaults, ADelayComesBeforeThePiece) {
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("delay@0s:30ms");
  const NodeServer server(options);
  Reader reader(server);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(reader.read(0), ReadStatus::ok);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds{30});
}

TEST(NodeFaults, PacedAndSlowedPiecesTakeTheirTime) {
  NodeOptions options = tcp_node();
  options.pace = BytesPerSecond{400e3};
  options.pace_burst = 1;
  options.faults = parse_fault_script("slow@0s:0.5");
  const NodeServer server(options);
  Reader reader(server);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.read(0), ReadStatus::ok);
  const Seconds wanted = Bytes{3 * Reader::format().used()} / BytesPerSecond{200e3};
  EXPECT_GE(std::chrono::steady_clock::now() - begin, wanted);
}

TEST(NodeFaults, ANodeThatHangsAnswersNothingAndThenAllOfIt) {
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("hang@300ms..900ms");
  const auto begin = std::chrono::steady_clock::now();
  const NodeServer server(options);
  std::unique_ptr<NodeClient> client;
  EXPECT_EQ(error_of([&] { client = std::make_unique<NodeClient>(to(server)); }), "");
  EXPECT_TRUE(eventually([&] { return server.counters().faults == 1; }));  // it hangs, or has
  EXPECT_EQ(lookup(*client, {BlockId{1}, 8}), 8);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds{900});
}

TEST(NodeFaults, ANodeThatDiesComesBackOnItsPortWithItsPool) {
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("die@200ms..400ms");
  const NodeServer server(options);
  std::unique_ptr<Reader> reader;
  EXPECT_TRUE(eventually(
      [&] { return error_of([&] { reader = std::make_unique<Reader>(server); }).empty(); }));
  // Whether it came in time to see it die or not, after the date a new one works.
  EXPECT_TRUE(eventually([&] { return server.counters().faults == 1; }));
  EXPECT_TRUE(eventually([&] {
    return error_of([&] { reader = std::make_unique<Reader>(server); }).empty() &&
           reader->read(0) == ReadStatus::ok;
  }));
  EXPECT_EQ(lookup(reader->node(), {BlockId{1}, 8}), 8);
  EXPECT_EQ(reader->check(1), BlockCheck::ok);
}

TEST(NodeFaults, OpenCallsAreGoneWhenTheNodeDies) {
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("die@300ms");
  const NodeServer server(options);
  std::unique_ptr<NodeClient> client;
  if (!error_of([&] { client = std::make_unique<NodeClient>(to(server)); }).empty()) {
    GTEST_SKIP() << "the machine is so busy that the node died first";
  }
  EXPECT_TRUE(eventually([&] {
    std::vector<NodeReply> replies;
    client->poll(replies);
    return !client->alive();
  }));
  const std::string error = error_of([&] { NodeClient another(to(server)); });
  EXPECT_THAT(error, HasSubstr("Connection refused; is calvo kvnode running there?"));
}

TEST(NodeFaults, ADeadAHungAndASlowNodeEndAtOnce) {
  for (const char* script : {"die@0s", "hang@0s", "delay@0s:1h"}) {
    NodeOptions options = tcp_node();
    options.faults = parse_fault_script(script);
    auto server = std::make_unique<NodeServer>(options);
    server.reset();  // a test that hangs here fails by its time limit
    SUCCEED();
  }
  NodeOptions options = tcp_node();
  options.faults = parse_fault_script("delay@0s:1h");
  auto server = std::make_unique<NodeServer>(options);
  Reader reader(*server);
  std::thread reading([&] { EXPECT_NE(reader.read(0), ReadStatus::ok); });
  EXPECT_TRUE(eventually([&] { return server->counters().faults == 1; }));
  server.reset();
  reading.join();
}

TEST(NodeMetrics, ShowWhatTheNodeHasCounted) {
  NodeOptions options = tcp_node();
  options.metrics_port = 0;
  const NodeServer server(options);
  NodeClient client(to(server));
  lookup(client, {BlockId{1}, 8});
  lease(client, {BlockId{1}, 3});
  store(client, {BlockId{60}, 2});
  const std::string text = scrape(server.metrics_port());
  for (const char* line :
       {"\ncalvo_kvnode_lookups_total 1", "\ncalvo_kvnode_leased_blocks_total 3",
        "\ncalvo_kvnode_stored_blocks_total 2", "\ncalvo_kvnode_blocks_stored 10",
        "\ncalvo_kvnode_blocks_leased 3", "\ncalvo_kvnode_capacity_blocks 16",
        "\ncalvo_kvnode_connections_open 1", "\n# TYPE calvo_kvnode_lookups_total counter",
        "\n# TYPE calvo_kvnode_blocks_stored gauge"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace calvo::realrun::testing
