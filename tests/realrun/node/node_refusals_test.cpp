// Who does not get in, what each side is told, and what a stranger can do.
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "realrun/fabrics/socket.hpp"
#include "realrun/node/node_server.hpp"
#include "realrun/wire/frame.hpp"
#include "realrun/wire/handshake.hpp"
#include "realrun/wire/messages.hpp"
#include "realrun/wire/secret.hpp"
#include "tests/realrun/node/node_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const Bytestring good_key(20, std::byte{'k'});
const Bytestring other_key(20, std::byte{'o'});

transport::Deadline a_minute() {
  return transport::deadline_in(std::chrono::seconds{60});
}

transport::Fd knock(const NodeServer& server) {
  return transport::connect_to("127.0.0.1", server.port(), a_minute());
}

/// Whether the node closes the connection within a minute; reads over what it says before.
bool closed(const transport::Fd& socket) {
  const transport::Deadline deadline = a_minute();
  std::byte byte{};
  while (transport::receive_all(socket.get(), std::span(&byte, 1), deadline)) {
  }
  return std::chrono::steady_clock::now() < deadline;
}

std::string at(const NodeServer& server) {
  return "storage node:0:0: 127.0.0.1:" + std::to_string(server.port()) + ": ";
}

TEST(NodeRefusal, AWrongKeyIsOneClearLineOnEachSide) {
  Notices notices;
  NodeOptions options = small_node();
  options.key = good_key;
  options.notice = notices.sink();
  const NodeServer server(options);
  ConnectOptions wrong = to(server);
  wrong.key = other_key;
  EXPECT_EQ(error_of([&] { NodeClient client(wrong); }),
            at(server) + "the node has another key; give both sides the same --key-file");
  EXPECT_TRUE(eventually([&] { return !notices.lines().empty(); }));
  EXPECT_THAT(notices.lines(),
              ElementsAre(MatchesRegex("refused 127.0.0.1:[0-9]+: it has another key; give both "
                                       "sides the same --key-file")));
  EXPECT_EQ(server.counters().refused_handshakes, 1U);
  ConnectOptions right = to(server);
  right.key = good_key;
  NodeClient client(right);
  EXPECT_EQ(lookup(client, {BlockId{1}, 1}), 0);
}

TEST(NodeRefusal, AnotherConfigurationIsNamedByItsField) {
  Notices notices;
  NodeOptions options = small_node();
  options.notice = notices.sink();
  const NodeServer server(options);
  ConnectOptions wrong = to(server);
  wrong.config.block_tokens = 32;
  wrong.config.model = "other";
  EXPECT_EQ(error_of([&] { NodeClient client(wrong); }),
            at(server) +
                "the node is set up otherwise: model is \"tiny\" there and \"other\" here, "
                "block_tokens is 16 there and 32 here; start both from the same scenario");
  EXPECT_TRUE(eventually([&] { return !notices.lines().empty(); }));
  EXPECT_THAT(notices.lines(),
              ElementsAre(HasSubstr("it has the key and another configuration; start both from the "
                                    "same scenario")));
}

TEST(NodeRefusal, AnotherVersionIsNamedOnBothSides) {
  Notices notices;
  NodeOptions options = small_node();
  options.notice = notices.sink();
  const NodeServer server(options);
  const transport::Fd socket = knock(server);
  EngineHandshake engine({loopback_key(), small_config().digest(), random_nonce(), 9});
  Bytestring hello;
  engine.begin(hello);
  ASSERT_TRUE(transport::send_all(socket.get(), hello, a_minute()));
  EXPECT_TRUE(closed(socket));
  EXPECT_TRUE(eventually([&] { return !notices.lines().empty(); }));
  EXPECT_THAT(notices.lines(),
              ElementsAre(MatchesRegex("refused 127.0.0.1:[0-9]+: it speaks version 9 of the "
                                       "protocol and this node 2; run the same calvo on both "
                                       "sides")));
}

/// Cuts the first `cut` connections when their hello has come, answers the next one's with
/// `answer`, then closes.
class FakeNode {
public:
  explicit FakeNode(Bytestring answer, int cut = 0)
      : listener_(transport::listen_on("127.0.0.1", 0)),
        thread_([this, cut, reply = std::move(answer)] {
          for (int i = 0; i < cut; ++i) {
            if (!transport::wait_for(listener_.get(), POLLIN, a_minute())) return;
            const transport::Fd socket(::accept(listener_.get(), nullptr, nullptr));
            std::byte hello[60];
            transport::receive_all(socket.get(), hello, a_minute());
          }
          if (!transport::wait_for(listener_.get(), POLLIN, a_minute())) return;
          const transport::Fd socket(::accept(listener_.get(), nullptr, nullptr));
          std::byte hello[60];
          transport::receive_all(socket.get(), hello, a_minute());
          transport::send_all(socket.get(), reply, a_minute());
        }) {}
  ~FakeNode() { thread_.join(); }

  ConnectOptions options() const {
    ConnectOptions options;
    options.endpoint = {"127.0.0.1", transport::local_port(listener_)};
    options.config = small_config();
    options.limit = std::chrono::seconds{60};
    return options;
  }

private:
  transport::Fd listener_;
  std::thread thread_;
};

Bytestring challenge(std::uint32_t version) {
  Bytestring payload;
  ByteWriter writer(payload);
  for (const char c : {'C', 'A', 'L', 'V', 'O', 'K', 'V', 'N'}) writer.number(c);
  writer.number(version);
  writer.raw(random_nonce());
  Bytestring frame;
  append_frame(frame, FrameType::challenge, 0, payload);
  return frame;
}

TEST(NodeRefusal, ANodeOfAnotherVersionIsNamed) {
  const FakeNode node(challenge(1));
  EXPECT_EQ(
      error_of([&] { NodeClient client(node.options()); }),
      "storage node:0:0: " + node.options().endpoint.text() +
          ": the node speaks version 1 of the protocol and this program 2; run the same calvo "
          "on both sides");
}

TEST(NodeRefusal, ANodeThatCannotProveTheKeyIsNotBelieved) {
  Bytestring answer = challenge(protocol_version);
  append_frame(answer, FrameType::welcome, 0, Bytestring(100));
  const FakeNode node(answer);
  EXPECT_THAT(error_of([&] { NodeClient client(node.options()); }),
              HasSubstr(": the node has not proved that it has the key; is it the right machine?"));
}

TEST(NodeRefusal, AHandshakeThatIsCutIsTriedAgainWithinItsLimit) {
  Bytestring answer = challenge(protocol_version);
  append_frame(answer, FrameType::welcome, 0, Bytestring(100));
  const FakeNode node(answer, 3);
  EXPECT_THAT(error_of([&] { NodeClient client(node.options()); }),
              HasSubstr(": the node has not proved that it has the key; is it the right machine?"));
}

TEST(NodeRefusal, AHandshakeThatIsAlwaysCutFailsWhenItsLimitIsOver) {
  NodeOptions options = small_node();
  options.most_unproved = 0;  // everybody is one too many
  const NodeServer server(options);
  ConnectOptions engine = to(server);
  engine.limit = std::chrono::milliseconds{100};
  EXPECT_THAT(error_of([&] { NodeClient client(engine); }),
              AnyOf(HasSubstr("the connection was closed during the handshake; see what the node "
                              "says"),
                    HasSubstr("no answer within 0.1 s; is it overloaded, or another program?"),
                    HasSubstr("is calvo kvnode running there?")));  // on a machine that is busy
  EXPECT_TRUE(eventually([&] { return server.counters().refused_handshakes > 0; }));
}

TEST(NodeRefusal, AnotherProgramIsNotTakenForANode) {
  Bytestring answer;
  for (const char c : std::string("HTTP/1.1 400 Bad Request\r\n\r\n")) {
    answer.push_back(static_cast<std::byte>(c));
  }
  const FakeNode node(answer);
  EXPECT_THAT(error_of([&] { NodeClient client(node.options()); }),
              HasSubstr(": what answers there is not a calvo kvnode; check host and port"));
}

TEST(NodeRefusal, ANodeThatIsNotThereIsUnreachable) {
  // A port that is taken, so that nobody else listens there, and does not listen.
  const transport::Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::uint16_t port = transport::local_port(taken);
  ConnectOptions options;
  options.endpoint = {"127.0.0.1", port};
  options.config = small_config();
  const std::string text = std::to_string(port);
  EXPECT_EQ(error_of([&] { NodeClient client(options); }),
            "storage node 127.0.0.1:" + text + ": cannot reach 127.0.0.1 port " + text +
                ": Connection refused; is calvo kvnode running there?");
}

TEST(NodeRefusal, ANodeThatSaysNothingIsGivenUp) {
  const transport::Fd listener = transport::listen_on("127.0.0.1", 0);  // nobody accepts
  ConnectOptions options;
  options.endpoint = {"127.0.0.1", transport::local_port(listener)};
  options.config = small_config();
  options.limit = std::chrono::milliseconds{100};
  EXPECT_EQ(error_of([&] { NodeClient client(options); }),
            "storage node " + options.endpoint.text() +
                ": no answer within 0.1 s; is it overloaded, or another program?");
}

TEST(NodeRefusal, WhoeverIsToldToStopDoesNotWaitForANodeThatSaysNothing) {
  const transport::Fd listener = transport::listen_on("127.0.0.1", 0);  // nobody accepts
  ConnectOptions options;
  options.endpoint = {"127.0.0.1", transport::local_port(listener)};
  options.config = small_config();
  options.limit = std::chrono::hours{1};  // which this test would take
  std::stop_source stop;
  options.stop = stop.get_token();
  std::jthread other([&stop] { stop.request_stop(); });
  EXPECT_THROW(NodeClient client(options), std::runtime_error);
}

TEST(NodeRefusal, AnotherMachineWantsAKey) {
  ConnectOptions options;
  options.endpoint = {"192.0.2.1", 7000};
  options.config = small_config();
  EXPECT_EQ(error_of([&] { NodeClient client(options); }),
            "storage node:0:0: 192.0.2.1:7000: a node on another machine wants a key; give it with "
            "--key-file");
}

TEST(NodeRefusal, BeyondThisMachineANodeWantsAKey) {
  NodeOptions options = small_node();
  options.bind = "0.0.0.0";
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            "kvnode:0:0: 0.0.0.0 can be reached from other machines, so a key is needed; make one "
            "with calvo kvnode --make-key FILE and give it with --key-file FILE");
}

TEST(NodeRefusal, APortInUseIsNamed) {
  const NodeServer server(small_node());
  NodeOptions options = small_node();
  options.port = server.port();
  EXPECT_EQ(error_of([&] { NodeServer second(options); }),
            "kvnode:0:0: cannot listen on 127.0.0.1 port " + std::to_string(server.port()) +
                ": Address already in use; choose another port, or 0 for any that is free");
  options.port = 0;
  options.metrics_port = server.port();
  EXPECT_EQ(error_of([&] { NodeServer second(options); }),
            "kvnode:0:0: metrics: cannot listen on 127.0.0.1:" + std::to_string(server.port()) +
                "; choose another port, or 0 for any that is free");
}

TEST(NodeRefusal, APoolThatCannotBeIsNamed) {
  NodeOptions options = small_node(0);
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            "kvnode:0:0: the pool is too small for one block of 4096 bytes; give it more capacity");
  options = small_node(1'000'000'000'000);
  EXPECT_THAT(
      error_of([&] { NodeServer server(options); }),
      MatchesRegex("kvnode:0:0: the pool takes [0-9.]+ GiB and this machine has [0-9.]+ GiB "
                   "left; give it less capacity"));
  options = small_node();
  options.config.block_bytes = 3;
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            "kvnode:0:0: a block of 3 bytes; a block has a positive, even number of bytes");
}

TEST(NodeRefusal, HugePagesThatAreNotThereAreNamedWithTheCommand) {
  std::uint64_t there = 0;
  std::ifstream("/proc/sys/vm/nr_hugepages") >> there;
  constexpr std::uint64_t huge_page = 2 << 20;
  const std::uint64_t pages = there + 1;
  NodeOptions options = small_node();
  const auto stride = static_cast<std::uint64_t>(BlockFormat{4096}.stride());
  options.capacity_blocks = static_cast<std::int64_t>(pages * huge_page / stride);
  options.huge_pages = true;
  const std::string error = error_of([&] { NodeServer server(options); });
  if (error.empty()) GTEST_SKIP() << "this system gives huge pages without setting them aside";
  EXPECT_EQ(error, "kvnode:0:0: " + std::to_string(pages) +
                       " huge pages of 2 MiB are not to be had: Cannot allocate memory; as root, "
                       "run sysctl vm.nr_hugepages=" +
                       std::to_string(pages + there) + ", or do without them");
}

TEST(NodeRefusal, AFabricThatIsNoneIsNamed) {
  NodeOptions options = small_node();
  options.fabrics = {"tpc"};
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            "fabric:0:0: unknown fabric \"tpc\" (did you mean \"tcp\"?)");
}

TEST(NodeRefusal, PaceAndFaultsWantAFabricThatAsks) {
  NodeOptions options = small_node();
  options.faults = parse_fault_script("slow@0s:0.5");
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            "kvnode:0:0: the fault \"slow\" is a share of the pace; set one with --pace");
  options = small_node();
  options.fabrics = {"verbs"};
  options.pace = BytesPerSecond{1e9};
  const std::string absent = error_of([] { fabric("verbs"); });  // most machines have none
  EXPECT_EQ(error_of([&] { NodeServer server(options); }),
            !absent.empty() ? absent
                            : "kvnode:0:0: a pace has no effect over verbs, which reads the pool "
                              "without asking the node; use tcp, or shape the link");
}

TEST(NodeStranger, GarbageEndsThatConnectionOnly) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                                  std::string(100, '\0'), std::string(100, '\xff')}) {
    const transport::Fd socket = knock(server);
    Bytestring bytes;
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    transport::send_all(socket.get(), bytes, a_minute());
    EXPECT_TRUE(closed(socket));
    EXPECT_EQ(lookup(client, {BlockId{1}, 1}), 0);
  }
  EXPECT_EQ(server.counters().malformed_frames, 3U);
}

TEST(NodeStranger, CallsBeforeTheHandshakeAreNotAnswered) {
  const NodeServer server(small_node());
  const transport::Fd socket = knock(server);
  Bytestring call;
  const BlockRun run{BlockId{1}, 1};
  append(call, 1, std::span(&run, 1));
  ASSERT_TRUE(transport::send_all(socket.get(), call, a_minute()));
  std::byte byte{};
  EXPECT_FALSE(transport::receive_all(socket.get(), std::span(&byte, 1), a_minute()));
  EXPECT_EQ(server.counters().lookups, 0U);
}

TEST(NodeStranger, WhoSaysNothingIsCutInTime) {
  Notices notices;
  NodeOptions options = small_node();
  options.handshake_limit = std::chrono::milliseconds{200};
  options.notice = notices.sink();
  const NodeServer server(options);
  std::unique_ptr<NodeClient> client;
  EXPECT_TRUE(eventually([&] {  // a machine that is busy may be slower than the limit
    return error_of([&] { client = std::make_unique<NodeClient>(to(server)); }).empty();
  }));
  const transport::Fd socket = knock(server);
  EXPECT_TRUE(closed(socket));
  EXPECT_THAT(notices.lines(), Contains(HasSubstr("it has not proved the key in time")));
  EXPECT_GE(server.counters().refused_handshakes, 1U);
  EXPECT_EQ(lookup(*client, {BlockId{1}, 1}), 0);  // who is in has no such deadline
}

TEST(NodeStranger, ACrowdCannotKeepAnEngineOut) {
  NodeOptions options = small_node();
  options.most_unproved = 4;
  const NodeServer server(options);
  std::vector<transport::Fd> crowd;
  for (int i = 0; i < 20; ++i) crowd.push_back(knock(server));
  EXPECT_TRUE(closed(crowd.front()));
  EXPECT_TRUE(eventually([&] { return server.counters().refused_handshakes >= 16; }));
  NodeClient client(to(server));
  EXPECT_EQ(lookup(client, {BlockId{1}, 1}), 0);
}

TEST(NodeStranger, AMalformedCallOfAnEngineEndsItsConnectionOnly) {
  const NodeServer server(small_node());
  NodeClient client(to(server));
  const transport::Fd socket = knock(server);
  EngineHandshake engine(
      {loopback_key(), small_config().digest(), random_nonce(), protocol_version});
  Bytestring out;
  engine.begin(out);
  FrameParser parser(FrameSource::node_handshake, 0);
  while (engine.state() != EngineHandshake::State::done) {
    ASSERT_TRUE(transport::send_all(socket.get(), out, a_minute()));
    out.clear();
    ASSERT_TRUE(transport::receive_all(socket.get(), parser.space().first(1), a_minute()));
    parser.received(1);
    Frame frame;
    if (parser.next(frame) == FrameParser::Next::frame) engine.take(frame, out);
  }
  append(out, 1, StoreBlock{0, Bytestring(8)});  // no store has begun
  ASSERT_TRUE(transport::send_all(socket.get(), out, a_minute()));
  EXPECT_TRUE(closed(socket));
  EXPECT_EQ(lookup(client, {BlockId{1}, 1}), 0);
  EXPECT_EQ(server.counters().malformed_frames, 1U);
}

}  // namespace
}  // namespace calvo::realrun::testing
