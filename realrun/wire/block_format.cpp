#include "realrun/wire/block_format.hpp"

#include <array>
#include <cstring>

#include <xxhash.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "realrun/wire/bytes.hpp"

namespace calvo::realrun {
namespace {

std::size_t payload_of(const BlockFormat& format) {
  CALVO_EXPECT(format.payload >= 0);
  return static_cast<std::size_t>(format.payload);
}

std::uint64_t checksum_of(std::span<const std::byte> payload, BlockId block) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), raw(block));
}

BlockTrailer read_trailer(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  BlockTrailer trailer;
  trailer.magic = reader.number<std::uint64_t>();
  trailer.block = reader.number<std::uint64_t>();
  trailer.generation = reader.number<std::uint64_t>();
  trailer.checksum = reader.number<std::uint64_t>();
  trailer.config = reader.number<std::uint64_t>();
  for (std::uint64_t& word : trailer.reserved) word = reader.number<std::uint64_t>();
  return trailer;
}

/// bf16 values of one 16-bit draw each: the sign and 7 bits of mantissa as drawn, the exponent one
/// of the 8 below 1, so that every value is finite, none is denormal, and all are within (-1, 1).
constexpr std::uint64_t finite(std::uint64_t bits) {
  constexpr std::uint64_t drawn = 0x83ff83ff83ff83ffULL;   // sign, 3 bits of exponent, mantissa
  constexpr std::uint64_t lowest = 0x3b803b803b803b80ULL;  // exponent 119: 2^-8 <= |x| < 1
  return (bits & drawn & 0x8000800080008000ULL) | ((bits & 0x03ff03ff03ff03ffULL) + lowest);
}

}  // namespace

void seal_block(const BlockFormat& format, std::span<std::byte> slot, BlockId block,
                std::uint64_t generation, std::uint64_t config) {
  CALVO_EXPECT(slot.size() == static_cast<std::size_t>(format.used()));
  const std::size_t payload = payload_of(format);
  Bytestring trailer;
  trailer.reserve(sizeof(BlockTrailer));
  ByteWriter writer(trailer);
  for (const std::uint64_t field :
       {trailer_magic, raw(block), generation, checksum_of(slot.first(payload), block), config,
        std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}}) {
    writer.number(field);
  }
  std::memcpy(slot.data() + payload, trailer.data(), trailer.size());
}

BlockCheck check_block(const BlockFormat& format, std::span<const std::byte> slot, BlockId block,
                       std::uint64_t config, bool with_checksum) {
  CALVO_EXPECT(slot.size() == static_cast<std::size_t>(format.used()));
  const std::size_t payload = payload_of(format);
  const BlockTrailer trailer = read_trailer(slot.subspan(payload));
  if (trailer.magic != trailer_magic || trailer.config != config || trailer.reserved[0] != 0 ||
      trailer.reserved[1] != 0 || trailer.reserved[2] != 0) {
    return BlockCheck::damaged;
  }
  if (trailer.block != raw(block)) return BlockCheck::other_block;
  if (with_checksum && trailer.checksum != checksum_of(slot.first(payload), block)) {
    return BlockCheck::damaged;
  }
  return BlockCheck::ok;
}

void fill_synthetic(std::uint64_t seed, BlockId block, std::span<std::byte> payload) {
  CALVO_EXPECT(payload.size() % 2 == 0);
  // Four streams side by side, so that the multiplications of one do not wait for another's.
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t base = mix_bits(mix_bits(seed + golden) + golden * (raw(block) + 1));
  const auto word = [&](std::uint64_t index) {
    return finite(mix_bits(base + golden * (index + 1)));
  };
  const auto put = [](std::byte* to, std::uint64_t value) {
    for (std::size_t i = 0; i < 8; ++i) to[i] = static_cast<std::byte>((value >> (8 * i)) & 0xffU);
  };
  const std::size_t words = payload.size() / 8;
  for (std::size_t i = 0; i < words; ++i) put(payload.data() + 8 * i, word(i));
  if (payload.size() % 8 == 0) return;
  std::array<std::byte, 8> rest{};
  put(rest.data(), word(words));
  std::memcpy(payload.data() + 8 * words, rest.data(), payload.size() % 8);
}

}  // namespace calvo::realrun
