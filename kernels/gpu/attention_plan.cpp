#include "kernels/gpu/attention_plan.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::kernels::gpu {
namespace {

constexpr std::int32_t shortest_split = 4 * tile_keys;
constexpr std::int32_t longest_split = 1 << 30;

/// Splits of all sequences if each has `split_keys` keys.
std::int64_t splits_of(std::span<const std::int32_t> keys, std::int64_t split_keys) {
  std::int64_t splits = 0;
  for (const std::int32_t count : keys) splits += (count + split_keys - 1) / split_keys;
  return splits;
}

}  // namespace

std::vector<PrefillTile> prefill_tiles(std::span<const SequenceRows> sequences,
                                       std::int32_t group) {
  CALVO_EXPECT(group > 0);
  std::vector<PrefillTile> tiles;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    CALVO_EXPECT(sequences[s].rows >= 0 && sequences[s].context >= 0);
    const std::int64_t packed = std::int64_t{sequences[s].rows} * group;
    CALVO_EXPECT(packed <= longest_split);
    for (std::int64_t row = 0; row < packed; row += prefill_tile_rows) {
      tiles.push_back({static_cast<std::int32_t>(s), static_cast<std::int32_t>(row)});
    }
  }
  const auto keys = [&](const PrefillTile& tile) {
    return sequences[static_cast<std::size_t>(tile.sequence)].context + tile.packed_row / group;
  };
  std::ranges::stable_sort(
      tiles, [&](const PrefillTile& a, const PrefillTile& b) { return keys(a) > keys(b); });
  return tiles;
}

DecodePlan decode_plan(std::span<const std::int32_t> keys, std::int32_t q_heads,
                       std::int32_t kv_heads, std::int32_t head_dim, std::int32_t multiprocessors) {
  CALVO_EXPECT(!keys.empty() && std::ranges::min(keys) >= 0);
  CALVO_EXPECT(kv_heads > 0 && q_heads > 0 && q_heads % kv_heads == 0);
  CALVO_EXPECT(head_dim > 0 && multiprocessors > 0);
  const std::int64_t longest = std::ranges::max(keys);
  CALVO_EXPECT(longest <= longest_split);
  const std::int64_t head_tiles = decode_head_tiles(q_heads / kv_heads) * kv_heads;
  const std::int64_t at_once =
      std::max<std::int64_t>(1, multiprocessors * decode_blocks_per_multiprocessor / head_tiles);
  // The first that fits, by bisection: fewer keys in a split never make fewer splits.
  std::int64_t low = shortest_split / tile_keys;
  std::int64_t high = std::max(low, (longest + tile_keys - 1) / tile_keys);
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (splits_of(keys, middle * tile_keys) <= at_once) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  DecodePlan plan;
  plan.split_keys = static_cast<std::int32_t>(low * tile_keys);
  plan.splits = static_cast<std::int32_t>(
      std::max<std::int64_t>(1, (longest + plan.split_keys - 1) / plan.split_keys));
  if (plan.splits > 1) {
    const auto count = static_cast<std::int64_t>(keys.size());
    plan.workspace_bytes = decode_workspace_floats(count, plan.splits, q_heads, head_dim) * 4;
  }
  return plan;
}

}  // namespace calvo::kernels::gpu
