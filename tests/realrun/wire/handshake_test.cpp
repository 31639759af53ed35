#include "realrun/wire/handshake.hpp"

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "realrun/wire/node_config.hpp"
#include "realrun/wire/secret.hpp"

namespace calvo::realrun {
namespace {

using ::testing::IsEmpty;

Bytestring bytes_of(std::string_view text) {
  Bytestring bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

Nonce nonce_of(int value) {
  Nonce nonce;
  nonce.fill(static_cast<std::byte>(value));
  return nonce;
}

const Bytestring good_key = bytes_of("sixteen bytes, or so");
const Bytestring other_key = bytes_of("sixteen bytes, or sp");
const NodeConfig here{1024, 16, "tiny", 1};
const NodeConfig there{1024, 32, "tiny", 1};

Bytestring encoded(const NodeConfig& config) {
  Bytestring bytes;
  encode(config, bytes);
  return bytes;
}

struct OneFrame {
  FrameType type{};
  Bytestring payload;

  Frame view() const { return {type, 0, payload}; }
};

/// The frames in `bytes`, which it empties.
std::vector<OneFrame> take_frames(Bytestring& bytes, FrameSource source) {
  FrameParser parser(source, 0);
  const std::span<std::byte> space = parser.space();
  std::copy(bytes.begin(), bytes.end(), space.begin());
  parser.received(bytes.size());
  bytes.clear();
  std::vector<OneFrame> frames;
  Frame frame;
  while (parser.next(frame) == FrameParser::Next::frame) {
    frames.push_back({frame.type, {frame.payload.begin(), frame.payload.end()}});
  }
  return frames;
}

/// Both sides and all that goes between them.
struct Meeting {
  explicit Meeting(HandshakeSetup engine_setup = {good_key, here.digest(), nonce_of(1)},
                   HandshakeSetup node_setup = {good_key, here.digest(), nonce_of(2)},
                   const NodeConfig& node_config = here)
      : engine(std::move(engine_setup)), node(std::move(node_setup), encoded(node_config)) {}

  using Tamper = std::function<void(OneFrame&)>;

  void run(const Tamper& to_node = {}, const Tamper& to_engine = {}) {
    Bytestring up;
    engine.begin(up);
    while (!up.empty()) {
      Bytestring down;
      for (OneFrame& frame : take_frames(up, FrameSource::engine_handshake)) {
        if (to_node) to_node(frame);
        seen_by_node.push_back(frame);
        if (node.state() == NodeHandshake::State::failed) continue;
        node.take(frame.view(), down);
        if (node.state() == NodeHandshake::State::proved) node.welcome(bytes_of("hello"), down);
      }
      for (OneFrame& frame : take_frames(down, FrameSource::node_handshake)) {
        if (to_engine) to_engine(frame);
        seen_by_engine.push_back(frame);
        if (engine.state() != EngineHandshake::State::failed) engine.take(frame.view(), up);
      }
    }
  }

  EngineHandshake engine;
  NodeHandshake node;
  std::vector<OneFrame> seen_by_node, seen_by_engine;
};

TEST(Handshake, TwoWithTheSameKeyAndConfigurationAgree) {
  Meeting meeting;
  meeting.run();
  EXPECT_EQ(meeting.engine.state(), EngineHandshake::State::done);
  EXPECT_EQ(meeting.node.state(), NodeHandshake::State::done);
  EXPECT_EQ(meeting.engine.body(), bytes_of("hello"));
}

TEST(Handshake, AWrongKeyIsDeniedAndNothingElseIsTold) {
  Meeting meeting({other_key, here.digest(), nonce_of(1)});
  meeting.run();
  EXPECT_EQ(meeting.node.fault(), HandshakeFault::wrong_key);
  EXPECT_EQ(meeting.engine.fault(), HandshakeFault::wrong_key);
  ASSERT_EQ(meeting.seen_by_engine.size(), 2U);
  EXPECT_EQ(meeting.seen_by_engine[1].type, FrameType::denied);
  EXPECT_THAT(meeting.seen_by_engine[1].payload, IsEmpty());
}

// Whoever lacks the key must not find out whether the configuration would have fitted.
TEST(Handshake, WithoutTheKeyARightAndAWrongConfigurationLookTheSame) {
  Meeting right({other_key, here.digest(), nonce_of(1)});
  Meeting wrong({other_key, there.digest(), nonce_of(1)});
  right.run();
  wrong.run();
  ASSERT_EQ(right.seen_by_engine.size(), wrong.seen_by_engine.size());
  for (std::size_t i = 0; i < right.seen_by_engine.size(); ++i) {
    EXPECT_EQ(right.seen_by_engine[i].type, wrong.seen_by_engine[i].type);
    EXPECT_EQ(right.seen_by_engine[i].payload, wrong.seen_by_engine[i].payload);
  }
}

TEST(Handshake, AnotherConfigurationIsToldToWhoHasTheKey) {
  Meeting meeting({good_key, here.digest(), nonce_of(1)}, {good_key, there.digest(), nonce_of(2)},
                  there);
  meeting.run();
  EXPECT_EQ(meeting.node.fault(), HandshakeFault::other_config);
  EXPECT_EQ(meeting.engine.fault(), HandshakeFault::other_config);
  EXPECT_EQ(decode_config(meeting.engine.body()), there);
}

TEST(Handshake, BothSidesSeeTheOthersVersion) {
  Meeting meeting({good_key, here.digest(), nonce_of(1), 7});
  meeting.run();
  EXPECT_EQ(meeting.node.fault(), HandshakeFault::other_version);
  EXPECT_EQ(meeting.node.other_version(), 7U);
  EXPECT_EQ(meeting.engine.fault(), HandshakeFault::other_version);
  EXPECT_EQ(meeting.engine.other_version(), protocol_version);
}

TEST(Handshake, ARecordedOneIsOfNoUse) {
  Meeting recorded;
  recorded.run();
  NodeHandshake node({good_key, here.digest(), nonce_of(3)}, encoded(here));
  Bytestring out;
  for (const OneFrame& frame : recorded.seen_by_node) node.take(frame.view(), out);
  EXPECT_EQ(node.fault(), HandshakeFault::wrong_key);

  EngineHandshake engine({good_key, here.digest(), nonce_of(4)});
  engine.begin(out);
  for (const OneFrame& frame : recorded.seen_by_engine) engine.take(frame.view(), out);
  EXPECT_EQ(engine.fault(), HandshakeFault::impostor);
}

TEST(Handshake, AnEnginesOwnFramesSentBackProveNothing) {
  EngineHandshake engine({good_key, here.digest(), nonce_of(1)});
  Bytestring out;
  engine.begin(out);
  OneFrame hello = take_frames(out, FrameSource::engine_handshake).at(0);
  hello.type = FrameType::challenge;
  ASSERT_EQ(engine.take(hello.view(), out), EngineHandshake::State::awaits_verdict);
  const OneFrame proof = take_frames(out, FrameSource::engine_handshake).at(0);
  OneFrame welcome{FrameType::welcome, {proof.payload.begin() + 32, proof.payload.end()}};
  EXPECT_EQ(engine.take(welcome.view(), out), EngineHandshake::State::failed);
  EXPECT_EQ(engine.fault(), HandshakeFault::impostor);
}

TEST(Handshake, AMismatchCannotBeTurnedIntoAWelcome) {
  Meeting meeting({good_key, here.digest(), nonce_of(1)}, {good_key, there.digest(), nonce_of(2)},
                  there);
  meeting.run({}, [](OneFrame& frame) {
    if (frame.type == FrameType::mismatch) frame.type = FrameType::welcome;
  });
  EXPECT_EQ(meeting.engine.fault(), HandshakeFault::impostor);
}

TEST(Handshake, EveryBitFlipOnTheWayEndsIt) {
  for (const int victim : {0, 1, 2, 3}) {
    std::size_t bits = 1;
    for (std::size_t bit = 0; bit < bits; ++bit) {
      Meeting meeting;
      int frames = 0;
      const auto flip = [&](OneFrame& frame) {
        if (frames++ != victim) return;
        bits = frame.payload.size() * 8;
        frame.payload[bit / 8] ^= std::byte{1} << (bit % 8);
      };
      meeting.run(flip, flip);  // hello 0, challenge 1, proof 2, welcome 3
      EXPECT_NE(meeting.engine.state(), EngineHandshake::State::done) << victim << " " << bit;
      // What the engine says of itself cannot be changed; the last frame the node never sees again.
      if (victim < 3) {
        EXPECT_NE(meeting.node.state(), NodeHandshake::State::done) << victim << " " << bit;
      }
    }
    EXPECT_GT(bits, 100U);
  }
}

TEST(Handshake, EveryTruncationEndsIt) {
  for (const int victim : {0, 1, 2, 3}) {
    std::size_t sizes = 1;
    for (std::size_t size = 0; size < sizes; ++size) {
      Meeting meeting;
      int frames = 0;
      const auto cut = [&](OneFrame& frame) {
        if (frames++ != victim) return;
        sizes = frame.payload.size();
        frame.payload.resize(size);
      };
      meeting.run(cut, cut);
      EXPECT_NE(meeting.engine.state(), EngineHandshake::State::done) << victim << " " << size;
    }
  }
}

TEST(Handshake, FramesOutOfTurnEndIt) {
  for (const FrameType type : {FrameType::hello, FrameType::proof, FrameType::lookup}) {
    Meeting meeting;
    Bytestring out;
    meeting.engine.begin(out);
    const OneFrame hello = take_frames(out, FrameSource::engine_handshake).at(0);
    if (type == FrameType::proof || type == FrameType::lookup) {
      const OneFrame early{type, Bytestring(64)};
      EXPECT_EQ(meeting.node.take(early.view(), out), NodeHandshake::State::failed);
    } else {
      meeting.node.take(hello.view(), out);
      EXPECT_EQ(meeting.node.take(hello.view(), out), NodeHandshake::State::failed);
    }
    EXPECT_EQ(meeting.node.fault(), HandshakeFault::malformed);
  }
  Meeting meeting;
  Bytestring out;
  meeting.engine.begin(out);
  const OneFrame welcome{FrameType::welcome, Bytestring(40)};
  EXPECT_EQ(meeting.engine.take(welcome.view(), out), EngineHandshake::State::failed);
  EXPECT_EQ(meeting.engine.fault(), HandshakeFault::malformed);
}

TEST(Handshake, NothingFollowsTheEnd) {
  Meeting meeting;
  meeting.run();
  Bytestring out;
  EXPECT_EQ(meeting.node.take(meeting.seen_by_node[0].view(), out), NodeHandshake::State::failed);
  EXPECT_EQ(meeting.engine.take(meeting.seen_by_engine[1].view(), out),
            EngineHandshake::State::failed);
  EXPECT_THAT(out, IsEmpty());
}

TEST(Handshake, NoncesAreFresh) {
  EXPECT_NE(random_nonce(), random_nonce());
}

}  // namespace
}  // namespace calvo::realrun
