// How attention is cut into thread blocks: pure functions, the host's share of the kernels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace calvo::kernels::gpu {

/// Query rows of one sequence and one KV head are packed: packed row i is head i % group of the
/// KV head's group at new token i / group. A tile of prefill is up to 128 of them.
inline constexpr std::int32_t prefill_tile_rows = 128;
/// Keys that a thread block takes at a time.
inline constexpr std::int32_t tile_keys = 64;

/// The work of one thread block of prefill (for each KV head).
struct PrefillTile {
  std::int32_t sequence = 0;
  std::int32_t packed_row = 0;  ///< first of the tile

  friend bool operator==(const PrefillTile&, const PrefillTile&) = default;
};

/// New tokens of one sequence, on the host.
struct SequenceRows {
  std::int32_t rows = 0;     ///< new tokens
  std::int32_t context = 0;  ///< tokens before them
};

/// Tiles of all sequences with new tokens, those with most keys first so that no long one is left
/// for the end. `group` = q_heads / kv_heads.
std::vector<PrefillTile> prefill_tiles(std::span<const SequenceRows> sequences, std::int32_t group);

/// How decode cuts contexts: split i of a sequence takes keys [i * split_keys, (i + 1) *
/// split_keys) as far as there are any.
struct DecodePlan {
  std::int32_t split_keys = tile_keys;  ///< a multiple of tile_keys
  std::int32_t splits = 1;              ///< of the longest sequence; the grid
  /// Bytes of DecodeAttention::workspace; 0 if splits is 1.
  std::int64_t workspace_bytes = 0;
};

/// Query heads of one KV head that a thread block of decode takes: the rows of a tensor core's
/// tile.
inline constexpr std::int32_t decode_tile_heads = 16;
constexpr std::int32_t decode_head_tiles(std::int32_t group) {
  return (group + decode_tile_heads - 1) / decode_tile_heads;
}
/// Thread blocks of decode that a multiprocessor holds.
inline constexpr std::int32_t decode_blocks_per_multiprocessor = 2;

/// The workspace: parts [count][splits][q_heads][head_dim], then their LSE
/// [count][splits][q_heads].
constexpr std::int64_t decode_workspace_floats(std::int64_t count, std::int64_t splits,
                                               std::int64_t q_heads, std::int64_t head_dim) {
  return count * splits * q_heads * (head_dim + 1);
}

/// The shortest splits (at least 256 keys) with which all sequences together have no more thread
/// blocks than fit on the device at once; `multiprocessors` as cudaDeviceProp says.
/// `keys` [sequences]: keys that each attends to, its new token included.
DecodePlan decode_plan(std::span<const std::int32_t> keys, std::int32_t q_heads,
                       std::int32_t kv_heads, std::int32_t head_dim, std::int32_t multiprocessors);

}  // namespace calvo::kernels::gpu
