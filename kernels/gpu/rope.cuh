#pragma once

#include "kernels/gpu/pack.cuh"
#include "kernels/gpu/paged.cuh"
#include "kernels/gpu/rope.hpp"

namespace calvo::kernels::gpu {

inline constexpr int rope_threads = 128;

CALVO_DEVICE std::int32_t position_of(const RaggedBatch& batch, std::int32_t row) {
  const std::int32_t sequence = batch.row_sequence[row];
  return batch.first[sequence] + (row - batch.row_begin[sequence]);
}

constexpr simt::LaunchShape rope_table_shape(const RopeTable& args) {
  const std::int64_t pairs = std::int64_t{args.batch.rows} * (args.head_dim / 2);
  return {(pairs + rope_threads - 1) / rope_threads, rope_threads, 0};
}

/// What one thread computes needs of the base: log2 of it and 1 / pi are the host's.
struct RopeTableWork {
  RopeTable args;
  double log2_base = 0;
};

/// A thread makes a pair.
CALVO_DEVICE void rope_table_pair(const RopeTableWork& work) {
  const RopeTable& args = work.args;
  const std::int64_t index = simt::block_index() * rope_threads + simt::thread_index();
  const std::int32_t half = args.head_dim / 2;
  const std::int64_t row = index / half;
  const auto i = static_cast<std::int32_t>(index % half);
  if (row >= args.batch.rows) return;
  constexpr double inverse_pi = 0.31830988618379067154;
  const double frequency =
      simt::exp2_double(-2.0 * i / args.head_dim * work.log2_base) * inverse_pi;
  double sine = 0;
  double cosine = 0;
  simt::sine_cosine_of_pi(position_of(args.batch, static_cast<std::int32_t>(row)) * frequency,
                          &sine, &cosine);
  args.table[row * args.head_dim + i] = static_cast<float>(cosine);
  args.table[row * args.head_dim + half + i] = static_cast<float>(sine);
}

constexpr simt::LaunchShape rope_kv_write_shape(const RopeKvWrite& args) {
  return {args.batch.rows, rope_threads, 0};
}

/// A thread block takes a row, a thread words i and i + half of a head at a time.
CALVO_DEVICE void rope_kv_write_row(const RopeKvWrite& args) {
  const auto row = static_cast<std::int32_t>(simt::block_index());
  const std::int32_t dim = args.kv.layout.head_dim;
  const std::int32_t half = dim / 2;
  const std::int32_t half_words = half / word_values;
  const std::int32_t kv_heads = args.kv.layout.kv_heads;
  const std::int32_t key_heads_end = args.q_heads + kv_heads;
  const std::int32_t tasks = (key_heads_end + kv_heads) * half_words;
  Bf16* qkv = args.qkv + row * args.stride;
  Bf16* keys = args.kv.pool + keys_offset(args.batch, args.kv, args.batch.row_sequence[row],
                                          position_of(args.batch, row));
  const float* angles = args.table + std::int64_t{row} * dim;
  for (std::int32_t task = simt::thread_index(); task < tasks; task += rope_threads) {
    const std::int32_t head = task / half_words;
    const std::int32_t i = task % half_words * word_values;
    Bf16* from = qkv + head * dim + i;
    const simt::Word low_word = simt::load(words(from));
    const simt::Word high_word = simt::load(words(from + half));
    if (head >= key_heads_end) {
      Bf16* to = keys + args.kv.layout.plane_values() + (head - key_heads_end) * dim + i;
      simt::store(words(to), low_word);
      simt::store(words(to + half), high_word);
      continue;
    }
    float low[word_values];
    float high[word_values];
    float cosines[word_values];
    float sines[word_values];
    unpack(low_word, low);
    unpack(high_word, high);
    load_floats(angles + i, cosines);
    load_floats(angles + half + i, sines);
    CALVO_UNROLL
    for (int v = 0; v < word_values; ++v) {
      const float a = low[v];
      const float b = high[v];
      low[v] = a * cosines[v] - b * sines[v];
      high[v] = b * cosines[v] + a * sines[v];
    }
    Bf16* to = head < args.q_heads ? from : keys + (head - args.q_heads) * dim + i;
    simt::store(words(to), pack(low));
    simt::store(words(to + half), pack(high));
  }
}

}  // namespace calvo::kernels::gpu
