// Frames of the control connection: a header of fixed size, then a payload whose largest size is
// known from its type before a byte of it is kept.
//
//   u32 length of the payload | u16 type | u16 zero | u64 tag      little endian, 16 bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "realrun/wire/bytes.hpp"

namespace calvo::realrun {

/// Grows with every change of a frame, a message or a block.
inline constexpr std::uint32_t protocol_version = 2;

inline constexpr std::size_t frame_header_bytes = 16;
inline constexpr std::int32_t most_blocks_of_run = 1 << 20;
inline constexpr std::uint32_t most_runs_of_lookup = 1 << 16;

enum class FrameType : std::uint16_t {
  hello = 1,  ///< engine: version, nonce
  challenge,  ///< node: version, nonce
  proof,      ///< engine: digest of its configuration, HMAC
  welcome,    ///< node: HMAC, what it is
  mismatch,   ///< node: HMAC, its configuration; the connection ends
  denied,     ///< node: the proof was wrong; the connection ends
  lookup = 16,
  lookup_reply,
  lease,
  lease_reply,
  release,
  store_begin,
  store_block,
  store_reply,
  refused,
  store_wanted,
};

/// Who sends, and in which half of a connection: decides which types may come.
enum class FrameSource : std::uint8_t {
  engine_handshake,
  node_handshake,
  engine_calls,
  node_answers
};

/// Nothing if a frame of this type may not come from there. `block_bytes`: BlockFormat::used().
std::optional<std::uint32_t> largest_payload(FrameSource source, FrameType type,
                                             std::uint64_t block_bytes);

/// A frame that has come; the payload lies in the parser and is gone at its next call.
struct Frame {
  FrameType type{};
  std::uint64_t tag = 0;
  std::span<const std::byte> payload;
};

/// Appends the header of a frame whose payload the caller appends.
void append_header(Bytestring& out, FrameType type, std::uint64_t tag, std::size_t payload);
/// Appends header and payload.
void append_frame(Bytestring& out, FrameType type, std::uint64_t tag,
                  std::span<const std::byte> payload);

/// Cuts a stream of bytes into frames. Holds at most one frame of the largest kind and one piece.
class FrameParser {
public:
  FrameParser(FrameSource source, std::uint64_t block_bytes)
      : source_(source), block_bytes_(block_bytes) {}

  /// What may come from now on, beginning with the next frame.
  void expect(FrameSource source) { source_ = source; }

  /// Where to receive next, never empty; tell received() how many bytes have come.
  std::span<std::byte> space();
  void received(std::size_t bytes);

  /// `malformed` is for good: a type that may not come here, a length beyond its bound, a header
  /// that is none.
  enum class Next : std::uint8_t { nothing, frame, malformed };
  Next next(Frame& frame);

private:
  static constexpr std::size_t piece = 64 << 10;

  FrameSource source_;
  std::uint64_t block_bytes_;
  Bytestring buffer_;
  std::size_t begin_ = 0;  ///< of what has come and was not taken
  std::size_t end_ = 0;
  std::size_t wanted_ = frame_header_bytes;  ///< of the frame at begin_, as far as is known
  bool malformed_ = false;
};

}  // namespace calvo::realrun
