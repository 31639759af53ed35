#include "realrun/wire/handshake.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::string_view magic = "CALVOKVN";

struct Greeting {
  std::uint32_t version = 0;
};

Bytestring greeting(const HandshakeSetup& setup) {
  Bytestring bytes;
  ByteWriter writer(bytes);
  for (const char c : magic) writer.number(c);
  writer.number(setup.version);
  writer.raw(setup.nonce);
  return bytes;
}

std::optional<Greeting> decode_greeting(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  for (const char c : magic) {
    if (reader.number<char>() != c) return std::nullopt;
  }
  const Greeting greeting{reader.number<std::uint32_t>()};
  if (reader.raw(sizeof(Nonce)).empty() || !reader.complete()) return std::nullopt;
  return greeting;
}

void extend(Bytestring& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// The name takes 16 bytes always, so that no two inputs of the HMAC run together.
Digest prove(std::span<const std::byte> key, std::string_view name,
             std::span<const std::byte> transcript, std::span<const std::byte> body = {}) {
  Bytestring input;
  for (std::size_t i = 0; i < 16; ++i) {
    input.push_back(i < name.size() ? static_cast<std::byte>(name[i]) : std::byte{0});
  }
  extend(input, transcript);
  extend(input, body);
  return hmac_sha256(key, input);
}

Digest take_digest(ByteReader& reader) {
  Digest digest{};
  reader.raw_into(digest);
  return digest;
}

}  // namespace

Nonce random_nonce() {
  Nonce nonce;
  random_bytes(nonce);
  return nonce;
}

EngineHandshake::EngineHandshake(HandshakeSetup setup) : setup_(std::move(setup)) {
  CALVO_EXPECT(!setup_.key.empty());
}

EngineHandshake::State EngineHandshake::fail(HandshakeFault fault) {
  fault_ = fault;
  return state_ = State::failed;
}

void EngineHandshake::begin(Bytestring& out) {
  CALVO_EXPECT(transcript_.empty());
  transcript_ = greeting(setup_);
  append_frame(out, FrameType::hello, 0, transcript_);
}

EngineHandshake::State EngineHandshake::take(const Frame& frame, Bytestring& out) {
  switch (state_) {
    case State::awaits_challenge:
      return take_challenge(frame, out);
    case State::awaits_verdict:
      return take_verdict(frame);
    case State::done:
    case State::failed:
      return fail(HandshakeFault::malformed);
  }
  return fail(HandshakeFault::malformed);
}

EngineHandshake::State EngineHandshake::take_challenge(const Frame& frame, Bytestring& out) {
  const std::optional<Greeting> node =
      frame.type == FrameType::challenge ? decode_greeting(frame.payload) : std::nullopt;
  if (!node) return fail(HandshakeFault::malformed);
  other_version_ = node->version;
  if (node->version != setup_.version) return fail(HandshakeFault::other_version);
  extend(transcript_, frame.payload);
  extend(transcript_, setup_.config);
  const Digest mac = prove(setup_.key, "engine", transcript_);
  Bytestring proof(setup_.config.begin(), setup_.config.end());
  extend(proof, mac);
  append_frame(out, FrameType::proof, 0, proof);
  extend(transcript_, mac);
  return state_ = State::awaits_verdict;
}

EngineHandshake::State EngineHandshake::take_verdict(const Frame& frame) {
  if (frame.type == FrameType::denied) return fail(HandshakeFault::wrong_key);
  const bool welcome = frame.type == FrameType::welcome;
  if (!welcome && frame.type != FrameType::mismatch) return fail(HandshakeFault::malformed);
  if (frame.payload.size() < sizeof(Digest)) return fail(HandshakeFault::malformed);
  ByteReader reader(frame.payload);
  const Digest mac = take_digest(reader);
  const std::span<const std::byte> body = reader.raw(reader.left());
  const Digest right = prove(setup_.key, welcome ? "welcome" : "mismatch", transcript_, body);
  if (!equal_in_constant_time(mac, right)) return fail(HandshakeFault::impostor);
  body_.assign(body.begin(), body.end());
  if (!welcome) return fail(HandshakeFault::other_config);
  return state_ = State::done;
}

NodeHandshake::NodeHandshake(HandshakeSetup setup, Bytestring config_body)
    : setup_(std::move(setup)), config_body_(std::move(config_body)) {
  CALVO_EXPECT(!setup_.key.empty());
}

NodeHandshake::State NodeHandshake::fail(HandshakeFault fault) {
  fault_ = fault;
  return state_ = State::failed;
}

NodeHandshake::State NodeHandshake::take(const Frame& frame, Bytestring& out) {
  switch (state_) {
    case State::awaits_hello:
      return take_hello(frame, out);
    case State::awaits_proof:
      return take_proof(frame, out);
    case State::proved:
    case State::done:
    case State::failed:
      return fail(HandshakeFault::malformed);
  }
  return fail(HandshakeFault::malformed);
}

NodeHandshake::State NodeHandshake::take_hello(const Frame& frame, Bytestring& out) {
  const std::optional<Greeting> engine =
      frame.type == FrameType::hello ? decode_greeting(frame.payload) : std::nullopt;
  if (!engine) return fail(HandshakeFault::malformed);
  other_version_ = engine->version;
  const Bytestring answer = greeting(setup_);
  append_frame(out, FrameType::challenge, 0, answer);
  if (engine->version != setup_.version) return fail(HandshakeFault::other_version);
  extend(transcript_, frame.payload);
  extend(transcript_, answer);
  return state_ = State::awaits_proof;
}

NodeHandshake::State NodeHandshake::take_proof(const Frame& frame, Bytestring& out) {
  if (frame.type != FrameType::proof || frame.payload.size() != 2 * sizeof(Digest)) {
    return fail(HandshakeFault::malformed);
  }
  ByteReader reader(frame.payload);
  const Digest config = take_digest(reader);
  const Digest mac = take_digest(reader);
  extend(transcript_, config);
  if (!equal_in_constant_time(mac, prove(setup_.key, "engine", transcript_))) {
    append_frame(out, FrameType::denied, 0, {});
    return fail(HandshakeFault::wrong_key);
  }
  extend(transcript_, mac);
  if (!equal_in_constant_time(config, setup_.config)) {
    const Digest proof = prove(setup_.key, "mismatch", transcript_, config_body_);
    Bytestring payload(proof.begin(), proof.end());
    extend(payload, config_body_);
    append_frame(out, FrameType::mismatch, 0, payload);
    return fail(HandshakeFault::other_config);
  }
  return state_ = State::proved;
}

void NodeHandshake::welcome(std::span<const std::byte> body, Bytestring& out) {
  CALVO_EXPECT(state_ == State::proved);
  const Digest proof = prove(setup_.key, "welcome", transcript_, body);
  Bytestring payload(proof.begin(), proof.end());
  extend(payload, body);
  append_frame(out, FrameType::welcome, 0, payload);
  state_ = State::done;
}

}  // namespace calvo::realrun
