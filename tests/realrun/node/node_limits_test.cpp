// What a node makes for an engine that takes no answers.
#include <chrono>
#include <cstdint>
#include <stdexcept>

#include <gtest/gtest.h>
#include <poll.h>

#include "realrun/fabrics/socket.hpp"
#include "realrun/node/connection.hpp"
#include "realrun/wire/handshake.hpp"
#include "realrun/wire/messages.hpp"
#include "realrun/wire/secret.hpp"
#include "tests/realrun/node/node_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

transport::Deadline a_minute() {
  return transport::deadline_in(std::chrono::seconds{60});
}

/// A connection that has proved itself, in the hands of someone who need not keep to the rules.
class Proven {
public:
  explicit Proven(const NodeServer& server)
      : socket_(transport::connect_to("127.0.0.1", server.port(), a_minute())) {
    EngineHandshake engine(
        {loopback_key(), small_config().digest(), random_nonce(), protocol_version});
    Bytestring out;
    engine.begin(out);
    while (engine.state() != EngineHandshake::State::done) {
      send(out);
      out.clear();
      Frame frame;
      if (next(frame)) engine.take(frame, out);
    }
    parser_.expect(FrameSource::node_answers);
  }

  void send(const Bytestring& bytes) const {
    ASSERT_TRUE(transport::send_all(socket_.get(), bytes, a_minute()));
  }
  /// Waits for something to come if there is no frame yet.
  bool next(Frame& frame) {
    if (parser_.next(frame) == FrameParser::Next::frame) return true;
    if (!transport::wait_for(socket_.get(), POLLIN, a_minute()) ||
        receive(socket_.get(), parser_) == Received::gone) {
      throw std::runtime_error("no more comes from the node");
    }
    return parser_.next(frame) == FrameParser::Next::frame;
  }

private:
  transport::Fd socket_;
  FrameParser parser_{FrameSource::node_handshake, 0};
};

TEST(NodeLimits, AnswersThatNobodyTakesAreNotMade) {
  constexpr std::int32_t blocks = 4096;  // 32 KiB for an answer
  constexpr std::uint64_t calls = 2000;  // 64 MiB in all, asked for in 56 KB
  NodeOptions options = small_node(blocks);
  options.preload.runs = {{BlockId{0}, blocks}};
  const NodeServer server(options);
  Proven greedy(server);
  Bytestring out;
  for (std::uint64_t tag = 1; tag <= calls; ++tag)
    append(out, tag, LeaseCall{options.preload.runs[0]});
  greedy.send(out);
  // One thread serves all: when this has had two answers, what came before has been looked at.
  NodeClient other(to(server));
  EXPECT_EQ(lookup(other, {BlockId{0}, blocks}), blocks);
  EXPECT_EQ(lookup(other, {BlockId{0}, blocks}), blocks);
  EXPECT_GT(server.counters().leases, 0U);
  EXPECT_LT(server.counters().leases, calls) << "4 MiB and what the sockets hold";
  for (std::uint64_t tag = 1; tag <= calls;) {  // and once it takes them, all are made
    Frame frame;
    if (!greedy.next(frame)) continue;
    ASSERT_EQ(frame.tag, tag);
    ASSERT_EQ(frame.type, FrameType::lease_reply);
    ++tag;
  }
  EXPECT_EQ(server.counters().leases, calls);
}

}  // namespace
}  // namespace calvo::realrun::testing
