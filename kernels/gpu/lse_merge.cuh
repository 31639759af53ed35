#pragma once

#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/pack.cuh"
#include "kernels/gpu/softmax.cuh"

namespace calvo::kernels::gpu {

inline constexpr int lse_merge_threads = 256;

constexpr simt::LaunchShape lse_merge_shape(const LseMerge& args) {
  const std::int64_t words = args.rows * (args.width / 8);
  return {(words + lse_merge_threads - 1) / lse_merge_threads, lse_merge_threads, 0};
}

/// A thread merges a word of a row.
CALVO_DEVICE void lse_merge_word(const LseMerge& args) {
  const std::int64_t size = args.width / word_values;
  const std::int64_t index = simt::block_index() * lse_merge_threads + simt::thread_index();
  const std::int64_t row = index / size;
  if (row >= args.rows) return;
  float largest = minus_infinity;
  for (std::int32_t n = 0; n < args.count; ++n) {
    largest = simt::larger(largest, args.part_lse[n * args.rows + row]);
  }
  float sum = 0;
  float out[word_values] = {};
  for (std::int32_t n = 0; n < args.count; ++n) {
    const float lse = args.part_lse[n * args.rows + row];
    if (lse == minus_infinity) continue;  // its row may hold anything
    const float weight = simt::exp_fast(lse - largest);
    float part[word_values];
    unpack(simt::load_streamed(words(args.parts) + n * args.rows * size + index), part);
    sum += weight;
    CALVO_UNROLL
    for (int v = 0; v < word_values; ++v) out[v] += weight * part[v];
  }
  const float inverse = sum > 0 ? 1 / sum : 0;
  CALVO_UNROLL
  for (int v = 0; v < word_values; ++v) out[v] *= inverse;
  simt::store(words(args.out) + index, pack(out));
  if (args.lse != nullptr && index % size == 0) {
    args.lse[row] = log_sum_exp(largest, sum, 1);
  }
}

}  // namespace calvo::kernels::gpu
