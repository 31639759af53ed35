// From a stream of bytes to the frames in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "realrun/wire/frame.hpp"

namespace calvo::realrun::fuzz {

/// Hands the frames of a stream to `take` until it ends, is malformed, or `take` says that it is
/// enough. `block_bytes`: as FrameParser's.
template <class Take>
void feed(FrameSource source, std::uint64_t block_bytes, std::span<const std::byte> bytes,
          Take take) {
  FrameParser parser(source, block_bytes);
  while (!bytes.empty()) {
    const std::span<std::byte> space = parser.space();
    const std::size_t size = std::min(bytes.size(), space.size());
    std::copy_n(bytes.begin(), size, space.begin());
    parser.received(size);
    bytes = bytes.subspan(size);
    Frame frame;
    FrameParser::Next next{};
    while ((next = parser.next(frame)) == FrameParser::Next::frame) {
      if (!take(frame)) return;
    }
    if (next == FrameParser::Next::malformed) return;
  }
}

}  // namespace calvo::realrun::fuzz
