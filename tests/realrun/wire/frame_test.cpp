#include "realrun/wire/frame.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Kept {
  FrameType type{};
  std::uint64_t tag = 0;
  Bytestring payload;

  friend bool operator==(const Kept&, const Kept&) = default;
};

/// Feeds `bytes` in pieces as the sockets of the world cut them.
struct Cut {
  std::vector<Kept> frames;
  bool malformed = false;
};
Cut cut(FrameSource source, std::span<const std::byte> bytes, std::uint64_t seed,
        std::uint64_t block_bytes = 100) {
  FrameParser parser(source, block_bytes);
  Random random(seed);
  Cut result;
  while (!bytes.empty()) {
    const std::span<std::byte> space = parser.space();
    EXPECT_FALSE(space.empty());
    const std::size_t wanted = seed == 0 ? bytes.size() : 1 + random.below(200);
    const std::size_t size = std::min({bytes.size(), space.size(), wanted});
    std::copy_n(bytes.begin(), size, space.begin());
    parser.received(size);
    bytes = bytes.subspan(size);
    Frame frame;
    FrameParser::Next next{};
    while ((next = parser.next(frame)) == FrameParser::Next::frame) {
      result.frames.push_back(
          {frame.type, frame.tag, {frame.payload.begin(), frame.payload.end()}});
    }
    if (next == FrameParser::Next::malformed) {
      EXPECT_EQ(parser.next(frame), FrameParser::Next::malformed) << "for good";
      result.malformed = true;
      return result;
    }
  }
  return result;
}

Bytestring frame_of(FrameType type, std::uint64_t tag, std::size_t payload) {
  Bytestring bytes;
  append_frame(bytes, type, tag, Bytestring(payload, std::byte{7}));
  return bytes;
}

class FrameStream : public ::testing::TestWithParam<unsigned> {};

TEST_P(FrameStream, ComesOutAsItWentInHoweverItIsCut) {
  Random random(GetParam());
  Bytestring stream;
  std::vector<Kept> sent;
  for (int i = 0; i < 200; ++i) {
    const bool lookup = random.below(2) == 0;
    Kept kept;
    kept.type = lookup ? FrameType::lookup : FrameType::store_block;
    kept.tag = random.bits();
    for (std::uint64_t n = random.below(lookup ? 2000 : 105); n > 0; --n) {
      kept.payload.push_back(static_cast<std::byte>(random.below(256)));
    }
    append_frame(stream, kept.type, kept.tag, kept.payload);
    sent.push_back(std::move(kept));
  }
  const Cut whole = cut(FrameSource::engine_calls, stream, GetParam());
  EXPECT_FALSE(whole.malformed);
  EXPECT_EQ(whole.frames, sent);
}

INSTANTIATE_TEST_SUITE_P(Seed, FrameStream, ::testing::Range(0U, 20U));

TEST(Frame, HasTheLayoutThatTheHeaderNames) {
  EXPECT_THAT(frame_of(FrameType::release, 0x0807060504030201, 1),
              ElementsAre(std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{20},
                          std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{2},
                          std::byte{3}, std::byte{4}, std::byte{5}, std::byte{6}, std::byte{7},
                          std::byte{8}, std::byte{7}));
}

TEST(Frame, EachTypeHasALargestPayloadAndOneSenderOnly) {
  constexpr FrameSource sources[] = {FrameSource::engine_handshake, FrameSource::node_handshake,
                                     FrameSource::engine_calls, FrameSource::node_answers};
  for (std::uint16_t type = 0; type < 64; ++type) {
    int senders = 0;
    for (const FrameSource source : sources) {
      const auto kind = static_cast<FrameType>(type);
      const std::optional<std::uint32_t> largest = largest_payload(source, kind, 100);
      if (!largest) {
        EXPECT_TRUE(cut(source, frame_of(kind, 0, 0), 0).malformed) << type;
        continue;
      }
      ++senders;
      EXPECT_EQ(cut(source, frame_of(kind, 0, *largest), 0).frames.size(), 1U) << type;
      EXPECT_TRUE(cut(source, frame_of(kind, 0, *largest + 1), 0).malformed) << type;
    }
    const bool known = (type >= 1 && type <= 6) || (type >= 16 && type <= 25);
    EXPECT_EQ(senders, known ? 1 : 0) << type;
  }
}

TEST(Frame, ABoundIsHeldBeforeMemoryIsTaken) {
  Bytestring header = frame_of(FrameType::hello, 0, 0);
  for (std::size_t i = 0; i < 4; ++i) header[i] = std::byte{0xff};  // 4 GiB
  FrameParser parser(FrameSource::engine_handshake, 100);
  const std::span<std::byte> space = parser.space();
  std::copy(header.begin(), header.end(), space.begin());
  parser.received(header.size());
  Frame frame;
  EXPECT_EQ(parser.next(frame), FrameParser::Next::malformed);
  EXPECT_LE(parser.space().size(), 64U << 10U);
}

TEST(Frame, BytesOfTheHeaderThatMeanNothingAreZero) {
  Bytestring bytes = frame_of(FrameType::hello, 0, 4);
  bytes[6] = std::byte{1};
  EXPECT_TRUE(cut(FrameSource::engine_handshake, bytes, 0).malformed);
}

TEST(Frame, NothingComesOfAnUnfinishedOne) {
  const Bytestring bytes = frame_of(FrameType::lookup, 0, 40);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Cut part = cut(FrameSource::engine_calls, std::span(bytes).first(size), 0);
    EXPECT_THAT(part.frames, IsEmpty()) << size;
    EXPECT_FALSE(part.malformed) << size;
  }
}

}  // namespace
}  // namespace calvo::realrun
