#pragma once

#include <bit>

#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/fragments.hpp"
#include "kernels/gpu/paged.cuh"
#include "kernels/gpu/softmax.cuh"

namespace calvo::kernels::gpu {

/// Sizes of decode for one head dimension. Each warp has stages of its own in shared memory and
/// waits for no other before the end, where the place serves for its sums.
template <int dim>
struct DecodeSizes {
  static constexpr int warps = 4;
  static constexpr int threads = 32 * warps;
  static constexpr int keys = 2048 / dim;  ///< that a warp takes at a time
  static constexpr int stages = 3;
  static constexpr int chunks = dim / 8;
  static constexpr int row_bytes = 2 * dim;
  static constexpr int side_bytes = keys * row_bytes;  ///< keys or values of a stage
  static constexpr int stage_bytes = 2 * side_bytes;
  static constexpr int warp_bytes = stages * stage_bytes;
  static constexpr int sum_stride = dim + 8;  ///< floats: rows below each other, other banks
  static constexpr int rows_at = warps * warp_bytes;
  static constexpr int shared_bytes = rows_at + warps * decode_tile_heads * 8;
  static_assert(keys % 16 == 0 && keys <= 32 && tile_keys % keys == 0);
  static_assert(decode_tile_heads * sum_stride * 4 <= warp_bytes);
};

template <int dim>
constexpr simt::LaunchShape decode_shape(const DecodeAttention& args) {
  const std::int32_t kv_heads = args.kv.layout.kv_heads;
  return {std::int64_t{args.count} * kv_heads * decode_head_tiles(args.q_heads / kv_heads) *
              args.plan.splits,
          DecodeSizes<dim>::threads, DecodeSizes<dim>::shared_bytes};
}

/// Splits that a sequence with `keys` keys has.
constexpr std::int32_t decode_splits(const DecodePlan& plan, std::int32_t keys) {
  const std::int32_t wanted = (keys - 1) / plan.split_keys + 1;
  return wanted < plan.splits ? wanted : plan.splits;
}

/// A thread block: up to 16 query heads of a KV head, of one sequence, over one split; a warp:
/// every fourth tile of its keys.
template <int dim>
class Decode {
  using Sizes = DecodeSizes<dim>;

public:
  CALVO_DEVICE explicit Decode(const DecodeAttention& args)
      : args_(args),
        warp_(simt::thread_index() / 32),
        lane_(simt::thread_index() % 32),
        shared_(simt::shared_memory()),
        base_(simt::shared_address(shared_) +
              static_cast<simt::SharedAddress>(warp_ * Sizes::warp_bytes)) {
    const std::int32_t kv_heads = args.kv.layout.kv_heads;
    const std::int32_t group = args.q_heads / kv_heads;
    const std::int32_t head_tiles = decode_head_tiles(group);
    std::int64_t index = simt::block_index();
    split_ = static_cast<std::int32_t>(index % args.plan.splits);
    index /= args.plan.splits;
    const auto head_tile = static_cast<std::int32_t>(index % head_tiles);
    index /= head_tiles;
    kv_head_ = static_cast<std::int32_t>(index % kv_heads);
    member_ = static_cast<std::int32_t>(index / kv_heads);
    sequence_ = args.members != nullptr ? args.members[member_] : member_;
    row_ = args.batch.row_begin[sequence_];
    const std::int32_t keys = args.batch.first[sequence_] + 1;
    first_head_ = kv_head_ * group + head_tile * decode_tile_heads;
    const std::int32_t left = group - head_tile * decode_tile_heads;
    heads_ = left < decode_tile_heads ? left : decode_tile_heads;
    empty_ = split_ >= decode_splits(args.plan, keys);
    begin_ = empty_ ? 0 : split_ * args.plan.split_keys;
    end_ = split_ + 1 < args.plan.splits && keys - begin_ > args.plan.split_keys
               ? begin_ + args.plan.split_keys
               : keys;
    const std::int32_t mine = end_ - begin_ - warp_ * Sizes::keys;
    constexpr int all = Sizes::warps * Sizes::keys;
    tiles_ = mine > 0 ? (mine - 1) / all + 1 : 0;
  }

  CALVO_DEVICE void run() {
    if (empty_) return;
    load_queries();
    std::int64_t upcoming = key_offset(0);
    for (int tile = 0; tile < Sizes::stages - 1; ++tile) {
      load_tile(tile, upcoming);
      upcoming = key_offset(tile + 1);
    }
    const float scale_log2 = args_.scale * 1.44269504088896340736F;
    for (int tile = 0; tile < tiles_; ++tile) {
      simt::wait_copies<Sizes::stages - 2>();
      // The warp's copies of this tile are there, and no lane computes with the one before it,
      // whose stage is filled next.
      simt::sync_warp();
      load_tile(tile + Sizes::stages - 1, upcoming);
      upcoming = key_offset(tile + Sizes::stages);
      compute(tile, scale_log2);
    }
    simt::wait_copies<0>();
    simt::sync_warp();  // no lane copies into or reads from the stages, where the sums go now
    put_sums();
    simt::sync_block();  // the sums of all warps are there
    finish(scale_log2);
  }

private:
  /// Where this lane's key of a tile lies in the pool, -1 if the split does not have it.
  CALVO_DEVICE std::int64_t key_offset(int tile) const {
    const std::int32_t key = tile_key(tile) + lane_;
    if (tile >= tiles_ || lane_ >= Sizes::keys || key >= end_) return -1;
    return keys_offset(args_.batch, args_.kv, sequence_, key) + std::int64_t{kv_head_} * dim;
  }
  CALVO_DEVICE std::int32_t tile_key(int tile) const {
    return begin_ + (tile * Sizes::warps + warp_) * Sizes::keys;
  }
  CALVO_DEVICE simt::SharedAddress stage(int tile) const {
    return base_ + static_cast<simt::SharedAddress>(tile % Sizes::stages * Sizes::stage_bytes);
  }

  /// Starts the copy of a tile, of none if there is no such. Keys beyond the end become 0, so that
  /// their weight 0 does not meet a NaN.
  CALVO_DEVICE void load_tile(int tile, std::int64_t offset) const {
    if (tile < tiles_) {
      const std::int64_t plane = args_.kv.layout.plane_values();
      CALVO_UNROLL
      for (int i = 0; i < Sizes::keys * Sizes::chunks / 32; ++i) {
        const int index = i * 32 + lane_;
        const int key = index / Sizes::chunks;
        const int chunk = index % Sizes::chunks;
        const std::int64_t at = simt::shuffle(offset, key);
        const bool valid = at >= 0;
        const Bf16* from = args_.kv.pool + (valid ? at + chunk * 8 : 0);
        const auto place =
            stage(tile) + static_cast<simt::SharedAddress>(swizzled(key, chunk, Sizes::chunks));
        simt::copy_async(place, from, valid);
        simt::copy_async(place + Sizes::side_bytes, valid ? from + plane : from, valid);
      }
    }
    simt::commit_copies();
  }

  /// Straight into the left operand's registers: row = head, those beyond the group are 0.
  CALVO_DEVICE void load_queries() {
    const Bf16* q = args_.q + row_ * args_.q_stride + std::int64_t{first_head_} * dim;
    CALVO_UNROLL
    for (int k = 0; k < dim / 16; ++k) {
      CALVO_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int head = lane_ / 4 + i % 2 * 8;
        const int at = k * 16 + i / 2 * 8 + lane_ % 4 * 2;
        queries_[k][i] = head < heads_ ? simt::load_pair(q + head * dim + at) : 0;
      }
    }
  }

  CALVO_DEVICE void compute(int tile, float scale_log2) {
    constexpr int key_tiles = Sizes::keys / 8;
    const simt::SharedAddress keys = stage(tile);
    const simt::SharedAddress values = keys + Sizes::side_bytes;
    float scores[key_tiles][4] = {};
    const ChunkPlace key_place = keys_operand_place(lane_);
    CALVO_UNROLL
    for (int k = 0; k < dim / 16; ++k) {
      CALVO_UNROLL
      for (int n = 0; n < key_tiles / 2; ++n) {
        std::uint32_t operand[4];
        simt::load_matrices(
            operand, keys + static_cast<simt::SharedAddress>(swizzled(
                                n * 16 + key_place.row, k * 2 + key_place.chunk, Sizes::chunks)));
        simt::multiply_add(scores[2 * n], queries_[k], operand[0], operand[1]);
        simt::multiply_add(scores[2 * n + 1], queries_[k], operand[2], operand[3]);
      }
    }
    const std::int32_t left = end_ - tile_key(tile);
    if (left < Sizes::keys) {
      CALVO_UNROLL
      for (int n = 0; n < key_tiles; ++n) {
        CALVO_UNROLL
        for (int c = 0; c < 4; ++c) {
          if (n * 8 + sum_column(lane_, c) >= left) scores[n][c] = minus_infinity;
        }
      }
    }
    float factor[2];
    CALVO_UNROLL
    for (int r = 0; r < 2; ++r) {
      float largest = minus_infinity;
      CALVO_UNROLL
      for (int n = 0; n < key_tiles; ++n) {
        largest = simt::larger(largest, simt::larger(scores[n][2 * r], scores[n][2 * r + 1]));
      }
      factor[r] = softmax_[r].raise(largest, scale_log2);
    }
    if (simt::any(factor[0] != 1 || factor[1] != 1)) {
      CALVO_UNROLL
      for (int n = 0; n < Sizes::chunks; ++n) {
        CALVO_UNROLL
        for (int c = 0; c < 4; ++c) out_[n][c] *= factor[c / 2];
      }
    }
    CALVO_UNROLL
    for (int r = 0; r < 2; ++r) {
      const float shift = softmax_[r].reference() * scale_log2;
      CALVO_UNROLL
      for (int n = 0; n < key_tiles; ++n) {
        CALVO_UNROLL
        for (int c = 0; c < 2; ++c) {
          float& score = scores[n][2 * r + c];
          score = simt::exp2_fast(score * scale_log2 - shift);
          softmax_[r].sum += score;
        }
      }
    }
    const ChunkPlace value_place = values_operand_place(lane_);
    CALVO_UNROLL
    for (int k = 0; k < Sizes::keys / 16; ++k) {
      const std::uint32_t weights[4] = {
          simt::pack_bf16(scores[2 * k][0], scores[2 * k][1]),
          simt::pack_bf16(scores[2 * k][2], scores[2 * k][3]),
          simt::pack_bf16(scores[2 * k + 1][0], scores[2 * k + 1][1]),
          simt::pack_bf16(scores[2 * k + 1][2], scores[2 * k + 1][3])};
      CALVO_UNROLL
      for (int n = 0; n < Sizes::chunks / 2; ++n) {
        std::uint32_t operand[4];
        simt::load_matrices_transposed(
            operand,
            values + static_cast<simt::SharedAddress>(swizzled(
                         k * 16 + value_place.row, n * 2 + value_place.chunk, Sizes::chunks)));
        simt::multiply_add(out_[2 * n], weights, operand[0], operand[1]);
        simt::multiply_add(out_[2 * n + 1], weights, operand[2], operand[3]);
      }
    }
  }

  /// A row of a warp: its maximum and its weights' sum.
  struct RowState {
    float largest, sum;
  };
  CALVO_DEVICE RowState* row_state(int warp, int row) const {
    return reinterpret_cast<RowState*>(shared_ + Sizes::rows_at) + warp * decode_tile_heads + row;
  }
  CALVO_DEVICE float* sums(int warp, int row) const {
    return reinterpret_cast<float*>(shared_ + warp * Sizes::warp_bytes) + row * Sizes::sum_stride;
  }

  CALVO_DEVICE void put_sums() {
    CALVO_UNROLL
    for (int r = 0; r < 2; ++r) {
      softmax_[r].complete();
      const int row = sum_row(lane_, 2 * r);
      if (lane_ % 4 == 0) *row_state(warp_, row) = {softmax_[r].largest, softmax_[r].sum};
      CALVO_UNROLL
      for (int n = 0; n < Sizes::chunks; ++n) {
        float* to = sums(warp_, row) + n * 8 + sum_column(lane_, 0);
        to[0] = out_[n][2 * r];
        to[1] = out_[n][2 * r + 1];
      }
    }
  }

  /// The four warps' sums together, four values a thread at a time.
  CALVO_DEVICE void finish(float scale_log2) const {
    constexpr int fours = dim / 4;
    for (int i = simt::thread_index(); i < heads_ * fours; i += Sizes::threads) {
      const int row = i / fours;
      const int at = i % fours * 4;
      float largest = minus_infinity;
      for (int warp = 0; warp < Sizes::warps; ++warp) {
        largest = simt::larger(largest, row_state(warp, row)->largest);
      }
      float sum = 0;
      float out[4] = {};
      CALVO_UNROLL
      for (int warp = 0; warp < Sizes::warps; ++warp) {
        const RowState state = *row_state(warp, row);
        const float weight = simt::exp2_fast((state.largest - largest) * scale_log2);
        sum += state.sum * weight;
        CALVO_UNROLL
        for (int v = 0; v < 4; ++v) out[v] += sums(warp, row)[at + v] * weight;
      }
      const float inverse = 1 / sum;
      CALVO_UNROLL
      for (int v = 0; v < 4; ++v) out[v] *= inverse;
      put(row, at, out, log_sum_exp(largest, sum, args_.scale));
    }
  }

  CALVO_DEVICE void put(int row, int at, const float (&out)[4], float lse) const {
    const std::int64_t head = first_head_ + row;
    if (args_.plan.splits == 1) {
      Bf16* to = args_.out + row_ * args_.out_stride + head * dim + at;
      simt::store_pair(to, simt::pack_bf16(out[0], out[1]));
      simt::store_pair(to + 2, simt::pack_bf16(out[2], out[3]));
      if (args_.lse != nullptr && at == 0) {
        args_.lse[std::int64_t{row_} * args_.q_heads + head] = lse;
      }
      return;
    }
    const std::int64_t part =
        (std::int64_t{member_} * args_.plan.splits + split_) * args_.q_heads + head;
    float* to = args_.workspace + part * dim + at;
    simt::store(reinterpret_cast<simt::Word*>(to),
                {std::bit_cast<std::uint32_t>(out[0]), std::bit_cast<std::uint32_t>(out[1]),
                 std::bit_cast<std::uint32_t>(out[2]), std::bit_cast<std::uint32_t>(out[3])});
    if (at == 0) {
      const std::int64_t all = std::int64_t{args_.count} * args_.plan.splits * args_.q_heads;
      args_.workspace[all * dim + part] = lse;
    }
  }

  const DecodeAttention& args_;
  const int warp_, lane_;
  std::byte* const shared_;
  const simt::SharedAddress base_;  ///< of the warp's stages
  std::int32_t split_, kv_head_, member_, sequence_;
  std::int64_t row_;
  std::int32_t first_head_, heads_;  ///< query heads of this thread block
  bool empty_;
  std::int32_t begin_, end_;  ///< keys
  std::int32_t tiles_;        ///< of this warp
  std::uint32_t queries_[dim / 16][4];
  SoftmaxRow softmax_[2];
  float out_[Sizes::chunks][4] = {};
};

inline constexpr int merge_threads = 128;

/// A warp puts the splits of one head of one sequence together.
constexpr simt::LaunchShape decode_merge_shape(const DecodeAttention& args) {
  const std::int64_t rows = std::int64_t{args.count} * args.q_heads;
  return {(rows + merge_threads / 32 - 1) / (merge_threads / 32), merge_threads, 0};
}

template <int dim>
CALVO_DEVICE void decode_merge(const DecodeAttention& args) {
  constexpr int mine = dim / 32;
  const int lane = simt::thread_index() % 32;
  const std::int64_t index = simt::block_index() * (merge_threads / 32) + simt::thread_index() / 32;
  if (index >= std::int64_t{args.count} * args.q_heads) return;
  const auto member = static_cast<std::int32_t>(index / args.q_heads);
  const std::int64_t head = index % args.q_heads;
  const std::int32_t sequence = args.members != nullptr ? args.members[member] : member;
  const std::int32_t splits = decode_splits(args.plan, args.batch.first[sequence] + 1);
  const std::int64_t first = std::int64_t{member} * args.plan.splits * args.q_heads + head;
  const std::int64_t all = std::int64_t{args.count} * args.plan.splits * args.q_heads;
  const float* lses = args.workspace + all * dim + first;
  const float* parts = args.workspace + first * dim + lane * mine;
  float largest = minus_infinity;
  for (std::int32_t i = lane; i < splits; i += 32) {
    largest = simt::larger(largest, lses[std::int64_t{i} * args.q_heads]);
  }
  CALVO_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    largest = simt::larger(largest, simt::shuffle_xor(largest, lanes));
  }
  float sum = 0;
  float out[mine] = {};
  for (std::int32_t i = 0; i < splits; ++i) {
    const float weight = simt::exp_fast(lses[std::int64_t{i} * args.q_heads] - largest);
    const float* part = parts + std::int64_t{i} * args.q_heads * dim;
    sum += weight;
    CALVO_UNROLL
    for (int v = 0; v < mine; ++v) out[v] += weight * part[v];
  }
  const float inverse = 1 / sum;
  const std::int64_t row = args.batch.row_begin[sequence];
  Bf16* to = args.out + row * args.out_stride + head * dim + lane * mine;
  CALVO_UNROLL
  for (int v = 0; v < mine; v += 2) {
    simt::store_pair(to + v, simt::pack_bf16(out[v] * inverse, out[v + 1] * inverse));
  }
  if (args.lse != nullptr && lane == 0) {
    args.lse[row * args.q_heads + head] = largest + simt::log_fast(sum);
  }
}

}  // namespace calvo::kernels::gpu
