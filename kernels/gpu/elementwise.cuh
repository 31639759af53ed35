#pragma once

#include <bit>

#include "kernels/gpu/elementwise.hpp"
#include "kernels/gpu/pack.cuh"

namespace calvo::kernels::gpu {

inline constexpr int embedding_threads = 128;
inline constexpr int swiglu_threads = 256;
inline constexpr int argmax_threads = 1024;

constexpr simt::LaunchShape embedding_shape(const Embedding& args) {
  return {args.rows, embedding_threads, 0};
}

/// A thread block copies a row.
CALVO_DEVICE void embedding_row(const Embedding& args) {
  const std::int64_t row = simt::block_index();
  const std::int64_t size = args.width / word_values;
  const simt::Word* from = words(args.table) + args.tokens[row] * size;
  simt::Word* to = words(args.out) + row * size;
  for (std::int64_t i = simt::thread_index(); i < size; i += embedding_threads) {
    simt::store(to + i, simt::load(from + i));
  }
}

/// Threads for a row: two words each, as far as that makes 32 to 512.
constexpr int rms_norm_threads(std::int64_t width) {
  const std::int64_t wanted = (width / word_values + 63) / 64 * 32;
  return static_cast<int>(wanted < 32 ? 32 : wanted > 512 ? 512 : wanted);
}
/// The row itself, then a sum of each warp.
constexpr simt::LaunchShape rms_norm_shape(const RmsNorm& args) {
  const int threads = rms_norm_threads(args.width);
  return {args.rows, threads, static_cast<std::int32_t>(2 * args.width) + threads / 32 * 4};
}

CALVO_DEVICE float sum_of_warp(float value) {
  CALVO_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) value += simt::shuffle_xor(value, lanes);
  return value;
}

/// A thread block norms a row. Between the two passes each thread keeps its words in shared memory
/// that no other thread reads; the barrier is for the sums of the warps.
CALVO_DEVICE void rms_norm_row(const RmsNorm& args) {
  const int thread = simt::thread_index();
  const int threads = simt::thread_count();
  const std::int64_t row = simt::block_index();
  const std::int64_t source = args.take != nullptr ? args.take[row] : row;
  const auto size = static_cast<int>(args.width / word_values);
  const simt::Word* x = words(args.x) + source * size;
  simt::Word* residual = args.residual != nullptr ? words(args.residual) + source * size : nullptr;
  auto* kept = reinterpret_cast<simt::Word*>(simt::shared_memory());
  auto* sums = reinterpret_cast<float*>(kept + size);
  float squares = 0;
  for (int first = thread; first < size; first += 2 * threads) {
    const int second = first + threads;
    simt::Word word[2] = {};
    simt::Word added[2] = {};
    word[0] = simt::load(x + first);
    if (second < size) word[1] = simt::load(x + second);
    if (residual != nullptr) {
      added[0] = simt::load(residual + first);
      if (second < size) added[1] = simt::load(residual + second);
    }
    CALVO_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int at = i == 0 ? first : second;
      if (at >= size) continue;
      float values[word_values];
      unpack(word[i], values);
      if (residual != nullptr) {
        float more[word_values];
        unpack(added[i], more);
        CALVO_UNROLL
        for (int v = 0; v < word_values; ++v) values[v] += more[v];
        word[i] = pack(values);
        simt::store(residual + at, word[i]);
        unpack(word[i], values);
      }
      simt::store(kept + at, word[i]);
      CALVO_UNROLL
      for (int v = 0; v < word_values; ++v) squares += values[v] * values[v];
    }
  }
  squares = sum_of_warp(squares);
  if (thread % 32 == 0) sums[thread / 32] = squares;
  simt::sync_block();
  float total = 0;
  for (int warp = 0; warp < threads / 32; ++warp) total += sums[warp];
  const float factor = 1 / simt::square_root(total / static_cast<float>(args.width) + args.epsilon);
  simt::Word* y = words(args.y) + row * size;
  for (int at = thread; at < size; at += threads) {
    float values[word_values];
    float weights[word_values];
    unpack(simt::load(kept + at), values);
    load_floats(args.weight + at * word_values, weights);
    CALVO_UNROLL
    for (int v = 0; v < word_values; ++v) values[v] = weights[v] * (values[v] * factor);
    simt::store(y + at, pack(values));
  }
}

constexpr std::int64_t swiglu_segments(const Swiglu& args) {
  return (args.width / word_values + swiglu_threads - 1) / swiglu_threads;
}
constexpr simt::LaunchShape swiglu_shape(const Swiglu& args) {
  return {args.rows * swiglu_segments(args), swiglu_threads, 0};
}

/// A thread block takes a word a thread of one row.
CALVO_DEVICE void swiglu_segment(const Swiglu& args) {
  const std::int64_t segments = swiglu_segments(args);
  const std::int64_t row = simt::block_index() / segments;
  const std::int64_t at = simt::block_index() % segments * swiglu_threads + simt::thread_index();
  const std::int64_t size = args.width / word_values;
  if (at >= size) return;
  const simt::Word* gate_word = words(args.gate_up) + row * 2 * size + at;
  const simt::Word gate_packed = simt::load_streamed(gate_word);
  const simt::Word up_packed = simt::load_streamed(gate_word + size);
  float gate[word_values];
  float up[word_values];
  unpack(gate_packed, gate);
  unpack(up_packed, up);
  CALVO_UNROLL
  for (int v = 0; v < word_values; ++v) {
    gate[v] = simt::divide_fast(gate[v], 1 + simt::exp_fast(-gate[v])) * up[v];
  }
  simt::store(words(args.out) + row * size + at, pack(gate));
}

/// Orders (value, index) as argmax does: a greater key is a larger value, or an equal one that
/// stands before. Requires: not NaN.
constexpr std::uint64_t argmax_key(std::uint32_t value_bits, std::uint32_t index) {
  if (value_bits == 0x80000000U) value_bits = 0;  // -0 equals 0
  const std::uint32_t ordered = (value_bits >> 31) != 0 ? ~value_bits : value_bits | 0x80000000U;
  return std::uint64_t{ordered} << 32 | (0xffffffffU - index);
}
constexpr std::int32_t argmax_index(std::uint64_t key) {
  return static_cast<std::int32_t>(0xffffffffU - static_cast<std::uint32_t>(key));
}

constexpr simt::LaunchShape argmax_shape(const Argmax& args) {
  return {args.rows, argmax_threads, argmax_threads / 32 * 8};
}

CALVO_DEVICE std::uint64_t largest_of_warp(std::uint64_t key) {
  CALVO_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const std::uint64_t other = simt::shuffle_xor(key, lanes);
    if (other > key) key = other;
  }
  return key;
}

/// A thread block takes a row.
CALVO_DEVICE void argmax_row(const Argmax& args) {
  const int thread = simt::thread_index();
  const std::int64_t row = simt::block_index();
  const float* values = args.values + row * args.stride;
  const auto* four = reinterpret_cast<const simt::Word*>(values);
  const auto fours = static_cast<std::uint32_t>(args.width / 4);
  std::uint64_t best = 0;
  const auto offer = [&](std::uint32_t bits, std::uint32_t index) {
    const std::uint64_t key = argmax_key(bits, index);
    if (key > best) best = key;
  };
  for (auto i = static_cast<std::uint32_t>(thread); i < fours; i += argmax_threads) {
    const simt::Word word = simt::load_streamed(four + i);
    offer(word.x, 4 * i);
    offer(word.y, 4 * i + 1);
    offer(word.z, 4 * i + 2);
    offer(word.w, 4 * i + 3);
  }
  const std::uint32_t last = 4 * fours + static_cast<std::uint32_t>(thread);
  if (last < args.width) {  // at most three values behind the last four
    offer(std::bit_cast<std::uint32_t>(values[last]), last);
  }
  auto* bests = reinterpret_cast<std::uint64_t*>(simt::shared_memory());
  best = largest_of_warp(best);
  if (thread % 32 == 0) bests[thread / 32] = best;
  simt::sync_block();  // the bests of the warps are there
  if (thread < 32) {
    best = largest_of_warp(bests[thread]);
    if (thread == 0) args.best[row] = argmax_index(best);
  }
}

}  // namespace calvo::kernels::gpu
