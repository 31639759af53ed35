#include "tests/fuzz/handshake_targets.hpp"

#include <algorithm>

#include "realrun/wire/handshake.hpp"
#include "tests/fuzz/frames.hpp"

namespace calvo::realrun::fuzz {
namespace {

using Seeds = std::vector<Bytestring>;

constexpr std::uint64_t block_bytes = 64;

/// The key is 16 zeros, nonces are fixed: nothing but the HMAC of this very exchange opens a side.
HandshakeSetup setup(int nonce) {
  HandshakeSetup setup;
  setup.key = Bytestring(16);
  setup.nonce.fill(static_cast<std::byte>(nonce));
  return setup;
}

/// Both halves of an exchange that succeeds.
struct Recorded {
  Bytestring to_node, to_engine;
};
Recorded recorded() {
  EngineHandshake engine(setup(1));
  NodeHandshake node(setup(2), Bytestring(30));
  Recorded all;
  Bytestring up;
  engine.begin(up);
  while (!up.empty()) {
    all.to_node.insert(all.to_node.end(), up.begin(), up.end());
    Bytestring down;
    feed(FrameSource::engine_handshake, block_bytes, up, [&](const Frame& frame) {
      if (node.take(frame, down) == NodeHandshake::State::proved) node.welcome(Bytestring(9), down);
      return true;
    });
    all.to_engine.insert(all.to_engine.end(), down.begin(), down.end());
    up.clear();
    feed(FrameSource::node_handshake, block_bytes, down, [&](const Frame& frame) {
      engine.take(frame, up);
      return true;
    });
  }
  must_hold(engine.state() == EngineHandshake::State::done, "the recording succeeds");
  return all;
}

/// A node is open to the engine's very bytes and to no others.
void node_side(std::span<const std::byte> bytes) {
  static const Bytestring right = recorded().to_node;
  NodeHandshake node(setup(2), Bytestring(30));
  Bytestring out;
  feed(FrameSource::engine_handshake, block_bytes, bytes, [&](const Frame& frame) {
    const NodeHandshake::State state = node.take(frame, out);
    if (state == NodeHandshake::State::proved) {
      // Tags of frames are free during the handshake; payloads are not.
      must_hold(bytes.size() >= right.size(), "proved by less than a proof");
      const std::size_t proof = right.size() - 64;
      must_hold(std::equal(right.begin() + static_cast<std::ptrdiff_t>(proof), right.end(),
                           bytes.begin() + static_cast<std::ptrdiff_t>(proof)),
                "proved by another proof");
      node.welcome({}, out);
      return false;
    }
    return state != NodeHandshake::State::failed;
  });
  must_hold(out.size() <= 2 * (frame_header_bytes + 128), "a stranger is told little");
}

/// An engine believes the node's very bytes and no others.
void engine_side(std::span<const std::byte> bytes) {
  static const Bytestring right = recorded().to_engine;
  EngineHandshake engine(setup(1));
  Bytestring out;
  engine.begin(out);
  feed(FrameSource::node_handshake, block_bytes, bytes, [&](const Frame& frame) {
    engine.take(frame, out);
    return engine.state() != EngineHandshake::State::done &&
           engine.state() != EngineHandshake::State::failed;
  });
  if (engine.state() == EngineHandshake::State::done) {
    const std::size_t verdict = right.size() - 41;
    must_hold(bytes.size() >= right.size() &&
                  std::equal(right.begin() + static_cast<std::ptrdiff_t>(verdict), right.end(),
                             bytes.begin() + static_cast<std::ptrdiff_t>(verdict)),
              "convinced by another welcome");
  }
  must_hold(engine.fault() != HandshakeFault::other_config, "nobody can make up a configuration");
}

}  // namespace

std::vector<Target> handshake_targets() {
  return {{"node_handshake", node_side, [] { return Seeds{recorded().to_node}; }},
          {"engine_handshake", engine_side, [] { return Seeds{recorded().to_engine}; }}};
}

}  // namespace calvo::realrun::fuzz
