#pragma once

#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/fragments.hpp"
#include "kernels/gpu/paged.cuh"
#include "kernels/gpu/softmax.cuh"

namespace calvo::kernels::gpu {

/// Sizes of prefill for one head dimension. Shared memory: the queries; two stages of keys and
/// values, one computed with while the other is filled; where the keys of two tiles lie.
template <int dim>
struct PrefillSizes {
  static constexpr int warps = 4;
  static constexpr int threads = 32 * warps;
  static constexpr int rows = prefill_tile_rows;
  static constexpr int warp_rows = rows / warps;  ///< two tiles of a tensor core
  static constexpr int keys = tile_keys;
  static constexpr int step =
      dim == 128 ? 32 : 64;  ///< keys between two corrections of the softmax
  static constexpr int chunks = dim / 8;
  static constexpr int row_bytes = 2 * dim;
  static constexpr int side_bytes = keys * row_bytes;  ///< keys or values of a stage
  static constexpr int stages_at = rows * row_bytes;
  static constexpr int offsets_at = stages_at + 2 * 2 * side_bytes;
  static constexpr int shared_bytes = offsets_at + 2 * keys * 8;
  static_assert(warp_rows == 32 && threads >= keys && keys % step == 0 && chunks % 8 == 0);
};

template <int dim>
constexpr simt::LaunchShape prefill_shape(const PrefillAttention& args) {
  return {std::int64_t{args.tile_count} * args.kv.layout.kv_heads, PrefillSizes<dim>::threads,
          PrefillSizes<dim>::shared_bytes};
}

/// The packed rows of a thread block's tile.
struct PrefillRows {
  std::int32_t sequence = 0, kv_head = 0, group = 1;
  std::int32_t first_packed = 0;  ///< of the tile, of the sequence's rows * group
  std::int32_t first_row = 0;     ///< of the sequence
  std::int32_t new_rows = 0;      ///< of the sequence
  std::int32_t count = 0;         ///< of the tile

  CALVO_DEVICE explicit PrefillRows(const PrefillAttention& args) {
    const std::int32_t kv_heads = args.kv.layout.kv_heads;
    group = args.q_heads / kv_heads;
    kv_head = static_cast<std::int32_t>(simt::block_index() % kv_heads);
    const PrefillTile tile = args.tiles[simt::block_index() / kv_heads];
    sequence = tile.sequence;
    first_packed = tile.packed_row;
    first_row = args.batch.row_begin[sequence];
    new_rows = args.batch.row_begin[sequence + 1] - first_row;
    const std::int32_t left = new_rows * group - first_packed;
    count = left < prefill_tile_rows ? left : prefill_tile_rows;
  }

  CALVO_DEVICE std::int64_t row_of(int packed) const {
    return first_row + (first_packed + packed) / group;
  }
  CALVO_DEVICE std::int64_t head_of(int packed) const {
    return kv_head * group + (first_packed + packed) % group;
  }
};

/// A thread block: 128 packed rows of a sequence and a KV head, 32 of them a warp's.
template <int dim>
class Prefill {
  using Sizes = PrefillSizes<dim>;

public:
  CALVO_DEVICE explicit Prefill(const PrefillAttention& args)
      : args_(args),
        thread_(simt::thread_index()),
        warp_(simt::thread_index() / 32),
        lane_(simt::thread_index() % 32),
        shared_(simt::shared_memory()),
        base_(simt::shared_address(shared_)) {
    const PrefillRows rows(args);
    load_queries(rows);
    sequence_ = rows.sequence;
    head_at_ = rows.kv_head * dim;
    begin_ = args.keys_begin != nullptr ? args.keys_begin[sequence_] : 0;
    if (begin_ < 0) begin_ = 0;
    const std::int32_t first = args.batch.first[sequence_];
    std::int32_t end = first + rows.new_rows;
    if (args.keys_end != nullptr && args.keys_end[sequence_] < end) {
      end = args.keys_end[sequence_];
    }
    /// Keys from this on are not for row `row` of the tile.
    const auto limit_of = [&](int row) {
      const std::int32_t causal = first + (rows.first_packed + row) / rows.group + 1;
      return causal < end ? causal : end;
    };
    stop_ = limit_of(rows.count - 1);
    first_tile_ = begin_ / Sizes::keys;
    tiles_ = begin_ < stop_ ? (stop_ - 1) / Sizes::keys + 1 - first_tile_ : 0;
    const int warp_row = warp_ * Sizes::warp_rows;
    const int warp_end =
        warp_row + Sizes::warp_rows < rows.count ? warp_row + Sizes::warp_rows : rows.count;
    warp_stop_ = warp_row < warp_end ? limit_of(warp_end - 1) : 0;
    CALVO_UNROLL
    for (int r = 0; r < 4; ++r) {
      const int row = warp_row + r / 2 * 16 + sum_row(lane_, r % 2 * 2);
      limit_[r] = row < rows.count ? limit_of(row) : 0;
    }
  }

  CALVO_DEVICE void run() {
    const float scale_log2 = args_.scale * 1.44269504088896340736F;
    std::int64_t upcoming = key_offset(0);
    if (thread_ < Sizes::keys) offsets(0)[thread_] = upcoming;
    upcoming = key_offset(1);
    simt::sync_block();  // the offsets of tile 0 are there
    load_tile(0);
    for (int tile = 0; tile < tiles_; ++tile) {
      if (thread_ < Sizes::keys) offsets(tile + 1)[thread_] = upcoming;
      simt::wait_copies<0>();
      // Everybody's copies of this tile and the next one's offsets are there, and nobody computes
      // with the stage that is filled next.
      simt::sync_block();
      if (tile + 1 < tiles_) load_tile(tile + 1);
      upcoming = key_offset(tile + 2);
      for (int step = 0; step < Sizes::keys / Sizes::step; ++step) {
        const std::int32_t key = (first_tile_ + tile) * Sizes::keys + step * Sizes::step;
        if (key < warp_stop_ && key + Sizes::step > begin_) {
          compute(tile, step * Sizes::step, key, scale_log2);
        }
      }
    }
    simt::wait_copies<0>();  // of the queries, if there was no tile
    simt::sync_block();      // ... that other warps have copied: their place is written to now
    finish();
  }

private:
  CALVO_DEVICE std::int64_t* offsets(int tile) const {
    return reinterpret_cast<std::int64_t*>(shared_ + Sizes::offsets_at) + (tile & 1) * Sizes::keys;
  }
  CALVO_DEVICE simt::SharedAddress stage(int tile) const {
    return base_ +
           static_cast<simt::SharedAddress>(Sizes::stages_at + (tile & 1) * 2 * Sizes::side_bytes);
  }

  /// Where this thread's key of a tile lies in the pool, -1 if the tile's rows do not see it.
  CALVO_DEVICE std::int64_t key_offset(int tile) const {
    const std::int32_t key = (first_tile_ + tile) * Sizes::keys + thread_;
    if (thread_ >= Sizes::keys || key < begin_ || key >= stop_) return -1;
    return keys_offset(args_.batch, args_.kv, sequence_, key) + head_at_;
  }

  CALVO_DEVICE void load_queries(const PrefillRows& rows) const {
    for (int i = thread_; i < Sizes::rows * Sizes::chunks; i += Sizes::threads) {
      const int row = i / Sizes::chunks;
      const int chunk = i % Sizes::chunks;
      const bool valid = row < rows.count;
      const Bf16* from = args_.q;
      if (valid) from += rows.row_of(row) * args_.q_stride + rows.head_of(row) * dim + chunk * 8;
      simt::copy_async(
          base_ + static_cast<simt::SharedAddress>(swizzled(row, chunk, Sizes::chunks)), from,
          valid);
    }
  }

  /// Keys that no row sees become 0, so that their weight 0 does not meet a NaN.
  CALVO_DEVICE void load_tile(int tile) const {
    const std::int64_t* offset = offsets(tile);
    const simt::SharedAddress to = stage(tile);
    const std::int64_t plane = args_.kv.layout.plane_values();
    CALVO_UNROLL_BY(4)
    for (int i = 0; i < Sizes::keys * Sizes::chunks / Sizes::threads; ++i) {
      const int index = i * Sizes::threads + thread_;
      const int key = index / Sizes::chunks;
      const int chunk = index % Sizes::chunks;
      const bool valid = offset[key] >= 0;
      const Bf16* from = args_.kv.pool + (valid ? offset[key] + chunk * 8 : 0);
      const auto place = to + static_cast<simt::SharedAddress>(swizzled(key, chunk, Sizes::chunks));
      simt::copy_async(place, from, valid);
      simt::copy_async(place + Sizes::side_bytes, valid ? from + plane : from, valid);
    }
    simt::commit_copies();
  }

  /// Adds keys [key, key + step), which stand from row `at` of the stage on.
  CALVO_DEVICE void compute(int tile, int at, std::int32_t key, float scale_log2) {
    constexpr int key_tiles = Sizes::step / 8;
    float scores[2][key_tiles][4] = {};
    multiply_queries(stage(tile), at, scores);

    CALVO_UNROLL
    for (int r = 0; r < 4; ++r) {
      if (key + Sizes::step > limit_[r] || key < begin_) {
        CALVO_UNROLL
        for (int n = 0; n < key_tiles; ++n) {
          CALVO_UNROLL
          for (int c = 0; c < 2; ++c) {
            const std::int32_t position = key + n * 8 + sum_column(lane_, c);
            if (position >= limit_[r] || position < begin_) {
              scores[r / 2][n][r % 2 * 2 + c] = minus_infinity;
            }
          }
        }
      }
    }

    float factor[4];
    bool changed = false;
    CALVO_UNROLL
    for (int r = 0; r < 4; ++r) {
      float largest = minus_infinity;
      CALVO_UNROLL
      for (int n = 0; n < key_tiles; ++n) {
        largest = simt::larger(
            largest, simt::larger(scores[r / 2][n][r % 2 * 2], scores[r / 2][n][r % 2 * 2 + 1]));
      }
      factor[r] = row_[r].raise(largest, scale_log2);
      changed |= factor[r] != 1;
    }
    if (simt::any(changed)) {
      CALVO_UNROLL
      for (int m = 0; m < 2; ++m) {
        CALVO_UNROLL
        for (int n = 0; n < Sizes::chunks; ++n) {
          CALVO_UNROLL
          for (int c = 0; c < 4; ++c) out_[m][n][c] *= factor[m * 2 + c / 2];
        }
      }
    }
    CALVO_UNROLL
    for (int r = 0; r < 4; ++r) {
      const float shift = row_[r].reference() * scale_log2;
      CALVO_UNROLL
      for (int n = 0; n < key_tiles; ++n) {
        CALVO_UNROLL
        for (int c = 0; c < 2; ++c) {
          float& score = scores[r / 2][n][r % 2 * 2 + c];
          score = simt::exp2_fast(score * scale_log2 - shift);
          row_[r].sum += score;
        }
      }
    }
    multiply_values(stage(tile) + Sizes::side_bytes, at, scores);
  }

  /// Adds the products of the warp's two tiles of rows with 16 columns, sums 2 n and 2 n + 1.
  template <int columns>
  CALVO_DEVICE static void add_products(float (&sums)[2][columns][4], int n,
                                        const std::uint32_t (&left)[2][4],
                                        const std::uint32_t (&right)[4]) {
    CALVO_UNROLL
    for (int m = 0; m < 2; ++m) {
      simt::multiply_add(sums[m][2 * n], left[m], right[0], right[1]);
      simt::multiply_add(sums[m][2 * n + 1], left[m], right[2], right[3]);
    }
  }

  CALVO_DEVICE void multiply_queries(simt::SharedAddress keys, int at,
                                     float (&scores)[2][Sizes::step / 8][4]) const {
    const ChunkPlace left = left_operand_place(lane_);
    const ChunkPlace right = keys_operand_place(lane_);
    CALVO_UNROLL
    for (int k = 0; k < dim / 16; ++k) {
      std::uint32_t q[2][4];
      CALVO_UNROLL
      for (int m = 0; m < 2; ++m) {
        simt::load_matrices(q[m], base_ + static_cast<simt::SharedAddress>(
                                              swizzled(warp_ * Sizes::warp_rows + m * 16 + left.row,
                                                       k * 2 + left.chunk, Sizes::chunks)));
      }
      CALVO_UNROLL
      for (int n = 0; n < Sizes::step / 16; ++n) {
        std::uint32_t operand[4];
        simt::load_matrices(
            operand, keys + static_cast<simt::SharedAddress>(swizzled(
                                at + n * 16 + right.row, k * 2 + right.chunk, Sizes::chunks)));
        add_products(scores, n, q, operand);
      }
    }
  }

  CALVO_DEVICE void multiply_values(simt::SharedAddress values, int at,
                                    const float (&weights)[2][Sizes::step / 8][4]) {
    const ChunkPlace right = values_operand_place(lane_);
    CALVO_UNROLL
    for (int k = 0; k < Sizes::step / 16; ++k) {
      std::uint32_t left[2][4];
      CALVO_UNROLL
      for (int m = 0; m < 2; ++m) {
        CALVO_UNROLL
        for (int half = 0; half < 2; ++half) {
          const float(&from)[4] = weights[m][2 * k + half];
          left[m][2 * half] = simt::pack_bf16(from[0], from[1]);
          left[m][2 * half + 1] = simt::pack_bf16(from[2], from[3]);
        }
      }
      CALVO_UNROLL
      for (int n = 0; n < Sizes::chunks / 2; ++n) {
        std::uint32_t operand[4];
        simt::load_matrices_transposed(
            operand, values + static_cast<simt::SharedAddress>(swizzled(
                                  at + k * 16 + right.row, n * 2 + right.chunk, Sizes::chunks)));
        add_products(out_, n, left, operand);
      }
    }
  }

  /// Through the place of the warp's queries, so that whole words are written.
  CALVO_DEVICE void finish() {
    const PrefillRows rows(args_);  // once more: not kept in registers all the while
    const int warp_row = warp_ * Sizes::warp_rows;
    CALVO_UNROLL
    for (int r = 0; r < 4; ++r) {
      row_[r].complete();
      const int row = warp_row + r / 2 * 16 + sum_row(lane_, r % 2 * 2);
      const float inverse = row_[r].sum > 0 ? 1 / row_[r].sum : 0;
      CALVO_UNROLL
      for (int n = 0; n < Sizes::chunks; ++n) {
        const float(&from)[4] = out_[r / 2][n];
        const std::uint32_t pair =
            simt::pack_bf16(from[r % 2 * 2] * inverse, from[r % 2 * 2 + 1] * inverse);
        simt::store_pair(reinterpret_cast<Bf16*>(shared_ + swizzled(row, n, Sizes::chunks)) +
                             sum_column(lane_, 0),
                         pair);
      }
      if (args_.lse != nullptr && lane_ % 4 == 0 && row < rows.count) {
        args_.lse[rows.row_of(row) * args_.q_heads + rows.head_of(row)] =
            log_sum_exp(row_[r].largest, row_[r].sum, args_.scale);
      }
    }
    simt::sync_warp();  // the warp's rows are there
    for (int i = lane_; i < Sizes::warp_rows * Sizes::chunks; i += 32) {
      const int row = warp_row + i / Sizes::chunks;
      const int chunk = i % Sizes::chunks;
      if (row >= rows.count) break;
      const auto* from =
          reinterpret_cast<const simt::Word*>(shared_ + swizzled(row, chunk, Sizes::chunks));
      Bf16* to =
          args_.out + rows.row_of(row) * args_.out_stride + rows.head_of(row) * dim + chunk * 8;
      simt::store_global(reinterpret_cast<simt::Word*>(to), simt::load(from));
    }
  }

  const PrefillAttention& args_;
  const int thread_, warp_, lane_;
  std::byte* const shared_;
  const simt::SharedAddress base_;
  std::int32_t sequence_;
  std::int32_t head_at_;    ///< values before the KV head in a token
  std::int32_t begin_;      ///< keys wanted
  std::int32_t stop_;       ///< of those that any row of the tile sees
  std::int32_t warp_stop_;  ///< ... any row of this warp
  std::int32_t limit_[4];   ///< ... this lane's rows
  std::int32_t first_tile_, tiles_;
  SoftmaxRow row_[4];
  float out_[2][Sizes::chunks][4] = {};
};

}  // namespace calvo::kernels::gpu
