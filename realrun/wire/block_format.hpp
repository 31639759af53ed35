// What lies in one slot of a pool, on storage nodes and in the host tier of an engine alike:
//
//   [0, payload)                KV of the block: layer 0 keys, layer 0 values, layer 1 keys, ...;
//                               each [block_tokens][kv_heads][head_dim] of bf16, little endian
//   [payload, payload + 64)     BlockTrailer, little endian
//
// Slots are `stride` bytes apart, a multiple of 64. A block is read, stored and checked as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ids.hpp"
#include "core/units.hpp"

namespace calvo::realrun {

/// Written by who fills a slot, read by who has fetched it.
struct BlockTrailer {
  std::uint64_t magic = 0;       ///< trailer_magic
  std::uint64_t block = 0;       ///< raw(BlockId)
  std::uint64_t generation = 0;  ///< of the slot: grows with each block that it takes
  std::uint64_t checksum = 0;    ///< XXH3-64 of the payload, seeded with `block`
  std::uint64_t config = 0;      ///< first 8 bytes of the configuration digest
  std::uint64_t reserved[3] = {};
};
static_assert(sizeof(BlockTrailer) == 64);

inline constexpr std::uint64_t trailer_magic = 0x314b4c424f564c43ULL;  // "CLVOBLK1"

struct BlockFormat {
  std::int64_t payload = 0;  ///< bytes of KV, a multiple of 2

  std::int64_t used() const { return payload + static_cast<std::int64_t>(sizeof(BlockTrailer)); }
  std::int64_t stride() const { return (used() + 63) / 64 * 64; }
};

/// How a slot that should hold `block` looks.
enum class BlockCheck : std::uint8_t { ok, other_block, damaged };

/// Fills in the trailer behind a payload that is complete. Requires: slot.size() == format.used().
void seal_block(const BlockFormat& format, std::span<std::byte> slot, BlockId block,
                std::uint64_t generation, std::uint64_t config);

/// `damaged`: no trailer, another configuration, or the checksum does not fit.
/// `with_checksum` false: looks at the trailer only.
BlockCheck check_block(const BlockFormat& format, std::span<const std::byte> slot, BlockId block,
                       std::uint64_t config, bool with_checksum = true);

/// The payload of a synthetic block: finite bf16 values in (-1, 1), a pure function of seed and
/// block, so that any reader can compute what it should have got. Counter-based, a few GB/s.
void fill_synthetic(std::uint64_t seed, BlockId block, std::span<std::byte> payload);

}  // namespace calvo::realrun
