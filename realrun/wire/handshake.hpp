// How an engine and a storage node prove to each other that they hold the same key, and learn
// whether they are set up alike. Frames in, frames out; sockets and clocks are the caller's.
//
//   engine  hello      magic, version, nonce
//   node    challenge  magic, version, nonce
//   engine  proof      digest of its configuration, HMAC(key, "engine" + all so far)
//   node    welcome    HMAC(key, "welcome" + all so far + body), body
//       or  mismatch   HMAC(key, "mismatch" + all so far + body), body: the node's configuration
//       or  denied     nothing: the proof was wrong
//
// HMAC is HMAC-SHA256. The engine proves first, so that a node tells a stranger nothing but its
// version; both nonces are in every HMAC, so that no recording is of use; each HMAC begins with a
// name of its own, so that none can be sent back as another. hello and challenge keep their layout
// in every version of the protocol.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "realrun/wire/bytes.hpp"
#include "realrun/wire/crypto.hpp"
#include "realrun/wire/frame.hpp"

namespace calvo::realrun {

using Nonce = std::array<std::byte, 32>;

Nonce random_nonce();

enum class HandshakeFault : std::uint8_t {
  none,
  malformed,      ///< a frame that is none, or out of turn
  other_version,  ///< the peer speaks another version: other_version()
  wrong_key,      ///< node: the engine's proof is wrong; engine: the node says so
  impostor,       ///< engine: the node has not proved the key
  other_config,   ///< keys agree, configurations do not
};

struct HandshakeSetup {
  Bytestring key;  ///< at least one byte
  Digest config{};
  Nonce nonce{};  ///< fresh
  std::uint32_t version = protocol_version;
};

/// The engine's side.
class EngineHandshake {
public:
  enum class State : std::uint8_t { awaits_challenge, awaits_verdict, done, failed };

  explicit EngineHandshake(HandshakeSetup setup);

  /// Appends the first frame. Once, before take().
  void begin(Bytestring& out);
  /// Takes a frame of the node, appends what is to be sent.
  State take(const Frame& frame, Bytestring& out);

  State state() const { return state_; }
  HandshakeFault fault() const { return fault_; }
  std::uint32_t other_version() const { return other_version_; }
  /// What came with `welcome`, or with `mismatch` (fault: other_config); proved to be the node's.
  const Bytestring& body() const { return body_; }

private:
  State fail(HandshakeFault fault);
  State take_challenge(const Frame& frame, Bytestring& out);
  State take_verdict(const Frame& frame);

  HandshakeSetup setup_;
  Bytestring transcript_;  ///< payloads so far
  Bytestring body_;
  std::uint32_t other_version_ = 0;
  State state_ = State::awaits_challenge;
  HandshakeFault fault_ = HandshakeFault::none;
};

/// The node's side.
class NodeHandshake {
public:
  /// `proved`: the engine is who it should be and waits for welcome().
  enum class State : std::uint8_t { awaits_hello, awaits_proof, proved, done, failed };

  /// `config_body`: told to an engine that has the key and another configuration.
  NodeHandshake(HandshakeSetup setup, Bytestring config_body);

  State take(const Frame& frame, Bytestring& out);
  /// Requires: state() is proved.
  void welcome(std::span<const std::byte> body, Bytestring& out);

  State state() const { return state_; }
  HandshakeFault fault() const { return fault_; }
  std::uint32_t other_version() const { return other_version_; }

private:
  State fail(HandshakeFault fault);
  State take_hello(const Frame& frame, Bytestring& out);
  State take_proof(const Frame& frame, Bytestring& out);

  HandshakeSetup setup_;
  Bytestring config_body_;
  Bytestring transcript_;
  std::uint32_t other_version_ = 0;
  State state_ = State::awaits_hello;
  HandshakeFault fault_ = HandshakeFault::none;
};

}  // namespace calvo::realrun
