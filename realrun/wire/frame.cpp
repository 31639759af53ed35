#include "realrun/wire/frame.hpp"

#include <algorithm>
#include <limits>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::uint32_t nonce_message = 8 + 4 + 32;
constexpr std::uint32_t small = 2048;
constexpr std::uint32_t welcome_payload = 64 << 10;
constexpr std::uint32_t run_payload = 8 + 4;

struct Bound {
  FrameSource source;
  FrameType type;
  std::uint32_t payload;
};

constexpr Bound bounds[] = {
    {FrameSource::engine_handshake, FrameType::hello, nonce_message},
    {FrameSource::engine_handshake, FrameType::proof, 64},
    {FrameSource::node_handshake, FrameType::challenge, nonce_message},
    {FrameSource::node_handshake, FrameType::welcome, welcome_payload},
    {FrameSource::node_handshake, FrameType::mismatch, 128 << 10},
    {FrameSource::node_handshake, FrameType::denied, 0},
    {FrameSource::engine_calls, FrameType::lookup, 4 + most_runs_of_lookup* run_payload},
    {FrameSource::engine_calls, FrameType::lease, run_payload},
    {FrameSource::engine_calls, FrameType::release, 8},
    {FrameSource::engine_calls, FrameType::store_begin, run_payload},
    {FrameSource::node_answers, FrameType::lookup_reply, 4 + most_runs_of_lookup * 4},
    {FrameSource::node_answers, FrameType::lease_reply,
     8 + 4 + static_cast<std::uint32_t>(most_blocks_of_run) * 8},
    {FrameSource::node_answers, FrameType::store_reply, small},
    {FrameSource::node_answers, FrameType::refused, small},
    {FrameSource::node_answers, FrameType::store_wanted,
     4 + static_cast<std::uint32_t>(most_blocks_of_run) * 8},
};

}  // namespace

std::optional<std::uint32_t> largest_payload(FrameSource source, FrameType type,
                                             std::uint64_t block_bytes) {
  if (source == FrameSource::engine_calls && type == FrameType::store_block) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(4 + block_bytes, std::numeric_limits<std::uint32_t>::max()));
  }
  for (const Bound& bound : bounds) {
    if (bound.source == source && bound.type == type) return bound.payload;
  }
  return std::nullopt;
}

void append_header(Bytestring& out, FrameType type, std::uint64_t tag, std::size_t payload) {
  CALVO_EXPECT(payload <= std::numeric_limits<std::uint32_t>::max());
  ByteWriter writer(out);
  writer.number(static_cast<std::uint32_t>(payload));
  writer.number(static_cast<std::uint16_t>(type));
  writer.number(std::uint16_t{0});
  writer.number(tag);
}

void append_frame(Bytestring& out, FrameType type, std::uint64_t tag,
                  std::span<const std::byte> payload) {
  append_header(out, type, tag, payload.size());
  ByteWriter(out).raw(payload);
}

std::span<std::byte> FrameParser::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  // Room for the rest of the frame that has begun, and always for something.
  const std::size_t needed = std::max(begin_ + wanted_, end_ + 1);
  if (begin_ > 0 && needed > buffer_.size()) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t size = std::max({piece, begin_ + wanted_, end_ + 1});
  if (buffer_.size() < size) buffer_.resize(size);
  return std::span(buffer_).subspan(end_);
}

void FrameParser::received(std::size_t bytes) {
  CALVO_EXPECT(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

FrameParser::Next FrameParser::next(Frame& frame) {
  if (malformed_) return Next::malformed;
  const std::span<const std::byte> all = std::span(buffer_).subspan(begin_, end_ - begin_);
  if (all.size() < frame_header_bytes) return Next::nothing;
  ByteReader reader(all.first(frame_header_bytes));
  const auto length = reader.number<std::uint32_t>();
  const auto type = static_cast<FrameType>(reader.number<std::uint16_t>());
  const auto zero = reader.number<std::uint16_t>();
  const auto tag = reader.number<std::uint64_t>();
  const std::optional<std::uint32_t> largest = largest_payload(source_, type, block_bytes_);
  if (!largest || length > *largest || zero != 0) {
    malformed_ = true;
    return Next::malformed;
  }
  wanted_ = frame_header_bytes + length;
  if (all.size() < wanted_) return Next::nothing;
  frame = {type, tag, all.subspan(frame_header_bytes, length)};
  begin_ += wanted_;
  wanted_ = frame_header_bytes;
  return Next::frame;
}

}  // namespace calvo::realrun
