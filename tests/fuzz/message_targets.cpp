#include "tests/fuzz/message_targets.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/input_error.hpp"
#include "realrun/node/fault_script.hpp"
#include "realrun/wire/endpoint.hpp"
#include "realrun/wire/frame.hpp"
#include "realrun/wire/messages.hpp"
#include "realrun/wire/node_config.hpp"

namespace calvo::realrun::fuzz {
namespace {

using Bytesview = std::span<const std::byte>;
using Seeds = std::vector<Bytestring>;

constexpr BlockRun some_run{BlockId{5}, 3};

bool same(Bytesview a, Bytesview b) {
  return std::ranges::equal(a, b);
}

/// The payload of the one frame that `append` makes of the message.
template <class Message>
Bytestring payload_of(const Message& message) {
  Bytestring frame;
  append(frame, 0, message);
  return {frame.begin() + frame_header_bytes, frame.end()};
}

/// What decodes must encode to the same bytes, so that no two encodings mean the same.
template <auto decode>
void round_trip(Bytesview bytes) {
  if (const auto message = decode(bytes)) {
    must_hold(same(payload_of(*message), bytes), "a message is encoded in one way only");
  }
}

void lookup(Bytesview bytes) {
  if (const auto call = decode_lookup(bytes)) {
    must_hold(std::ranges::all_of(call->runs, is_valid_run), "runs are valid");
    must_hold(same(payload_of(std::span<const BlockRun>(call->runs)), bytes),
              "a message is encoded in one way only");
  }
}

void store_begin(Bytesview bytes) {
  if (const auto call = decode_store_begin(bytes))
    must_hold(is_valid_run(call->run), "a valid run");
  round_trip<decode_store_begin>(bytes);
}

void lease(Bytesview bytes) {
  if (const auto call = decode_lease(bytes)) must_hold(is_valid_run(call->run), "a valid run");
  round_trip<decode_lease>(bytes);
}

bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return ' ' <= c && c <= '~'; });
}

void store_answer(Bytesview bytes) {
  if (const auto answer = decode_store_answer(bytes)) {
    must_hold(is_printable(answer->text) && answer->blocks >= 0 && answer->written >= 0,
              "a harmless answer");
  }
}

void refused(Bytesview bytes) {
  if (const auto answer = decode_refused(bytes)) must_hold(is_printable(answer->text), "harmless");
}

void welcome(Bytesview bytes) {
  if (const auto body = decode_welcome_body(bytes)) {
    Bytestring again;
    encode(*body, again);
    must_hold(same(again, bytes), "a welcome is encoded in one way only");
  }
}

Seeds welcome_seeds() {
  WelcomeBody body;
  body.capacity_blocks = 9;
  body.index = 1;
  body.preloaded = 2;
  body.written_blocks = 3;
  body.offers = {{"tcp", Bytestring(18, std::byte{3})}, {"verbs", {}}};
  Bytestring bytes;
  encode(body, bytes);
  return {bytes};
}

void config(Bytesview bytes) {
  if (const auto config = decode_config(bytes)) {
    Bytestring again;
    encode(*config, again);
    must_hold(same(again, bytes), "a configuration is encoded in one way only");
    must_hold(is_printable(differences(*config, NodeConfig{})), "differences are harmless");
  }
}

Seeds config_seeds() {
  Bytestring bytes;
  encode(NodeConfig{1024, 16, "Llama-3.1-8B", 7}, bytes);
  return {bytes};
}

/// The first byte chooses the sender, the second how the stream is cut.
void frames(Bytesview bytes) {
  if (bytes.size() < 2) return;
  FrameParser parser(static_cast<FrameSource>(std::to_integer<unsigned>(bytes[0]) % 4), 64);
  const std::size_t piece = 1 + std::to_integer<std::size_t>(bytes[1]);
  bytes = bytes.subspan(2);
  while (!bytes.empty()) {
    const std::span<std::byte> space = parser.space();
    must_hold(!space.empty() && space.size() < (64U << 20U), "memory is bounded");
    const std::size_t size = std::min({piece, bytes.size(), space.size()});
    std::copy_n(bytes.begin(), size, space.begin());
    parser.received(size);
    bytes = bytes.subspan(size);
    Frame frame;
    FrameParser::Next next{};
    while ((next = parser.next(frame)) == FrameParser::Next::frame) {
    }
    if (next == FrameParser::Next::malformed) return;
  }
}

Seeds frame_seeds() {
  Seeds seeds;
  for (const FrameType type : {FrameType::hello, FrameType::challenge, FrameType::lookup,
                               FrameType::lookup_reply, FrameType::store_block}) {
    for (unsigned char source = 0; source < 4; ++source) {
      Bytestring bytes = {std::byte{source}, std::byte{7}};
      append_frame(bytes, type, 1, Bytestring(44));
      append_frame(bytes, type, 2, {});
      seeds.push_back(bytes);
    }
  }
  return seeds;
}

std::string text_of(Bytesview bytes) {
  std::string text;
  for (const std::byte b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

Bytestring bytes_of(std::string_view text) {
  Bytestring bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

void fault_script(Bytesview bytes) {
  try {
    for (const Fault& fault : parse_fault_script(text_of(bytes)).faults) {
      must_hold(fault.from < fault.until && fault.amount >= 0, "faults make sense");
    }
  } catch (const InputError&) {  // most are
  }
}

void endpoint(Bytesview bytes) {
  try {
    const Endpoint endpoint = parse_endpoint(text_of(bytes), "fuzz");
    must_hold(!endpoint.host.empty() && endpoint.port != 0, "endpoints make sense");
  } catch (const InputError&) {  // most are
  }
}

}  // namespace

std::vector<Target> message_targets() {
  return {
      {"frames", frames, frame_seeds},
      {"lookup", lookup,
       [] {
         const BlockRun runs[] = {some_run, {BlockId{9}, 1}};
         return Seeds{payload_of(std::span<const BlockRun>(runs))};
       }},
      {"lookup_answer", round_trip<decode_lookup_answer>,
       [] {
         return Seeds{payload_of(LookupAnswer{{1, 2, 3}})};
       }},
      {"lease", lease, [] { return Seeds{payload_of(LeaseCall{some_run})}; }},
      {"lease_answer", round_trip<decode_lease_answer>,
       [] {
         return Seeds{payload_of(LeaseAnswer{7, {1, 2}})};
       }},
      {"release", round_trip<decode_release>, [] { return Seeds{payload_of(ReleaseCall{7})}; }},
      {"store_begin", store_begin, [] { return Seeds{payload_of(StoreBegin{some_run})}; }},
      {"store_wanted", round_trip<decode_store_wanted>,
       [] {
         return Seeds{payload_of(StoreWanted{{{0, 2}, {3, 1}}})};
       }},
      {"store_block", round_trip<decode_store_block>,
       [] {
         return Seeds{payload_of(StoreBlock{1, Bytestring(32)})};
       }},
      {"store_answer", store_answer,
       [] {
         return Seeds{payload_of(StoreAnswer{2, 1, "no room"})};
       }},
      {"refused", refused, [] { return Seeds{payload_of(RefusedAnswer{"because"})}; }},
      {"welcome", welcome, welcome_seeds},
      {"config", config, config_seeds},
      {"fault_script", fault_script,
       [] { return Seeds{bytes_of("corrupt@1s..3s:0.1,die@5s..7s,delay@0s:5ms,slow@1s:50 %")}; }},
      {"endpoint", endpoint,
       [] {
         return Seeds{bytes_of("[::1]:7000"), bytes_of("host:1")};
       }},
  };
}

}  // namespace calvo::realrun::fuzz
