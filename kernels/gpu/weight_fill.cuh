#pragma once

#include "kernels/gpu/pack.cuh"
#include "kernels/gpu/weight_fill.hpp"

namespace calvo::kernels::gpu {

inline constexpr int fill_threads = 256;

/// A matrix as lines that lie in one piece: its rows, or its columns if those do.
struct FillLines {
  std::int64_t lines = 0, length = 0, stride = 0;
  std::int64_t segments = 0;  ///< of 8 elements in a line
};
constexpr FillLines fill_lines(const MatrixFill& args) {
  const bool by_row = args.column_stride == 1;
  FillLines result{by_row ? args.rows : args.columns, by_row ? args.columns : args.rows,
                   by_row ? args.row_stride : args.column_stride, 0};
  result.segments = (result.length + word_values - 1) / word_values;
  return result;
}
constexpr simt::LaunchShape fill_matrix_shape(const MatrixFill& args) {
  const FillLines lines = fill_lines(args);
  return {(lines.lines * lines.segments + fill_threads - 1) / fill_threads, fill_threads, 0};
}

/// A thread makes up to 8 elements of a line.
CALVO_DEVICE void fill_segment(const MatrixFill& args) {
  const FillLines lines = fill_lines(args);
  const bool by_row = args.column_stride == 1;
  const std::int64_t index = simt::block_index() * fill_threads + simt::thread_index();
  const std::int64_t line = index / lines.segments;
  if (line >= lines.lines) return;
  const std::int64_t first = index % lines.segments * word_values;
  Bf16* to = args.out + line * lines.stride + first;
  float values[word_values] = {};
  CALVO_UNROLL
  for (int v = 0; v < word_values; ++v) {
    const std::int64_t at =
        by_row ? line * args.columns + first + v : (first + v) * args.columns + line;
    values[v] = args.fill(static_cast<std::uint64_t>(at));
  }
  if (first + word_values <= lines.length &&
      reinterpret_cast<std::uintptr_t>(to) % sizeof(simt::Word) == 0) {
    simt::store_streamed(words(to), pack(values));
    return;
  }
  CALVO_UNROLL
  for (int v = 0; v < word_values; ++v) {
    if (first + v < lines.length) to[v] = to_bf16(values[v]);
  }
}

constexpr simt::LaunchShape fill_vector_shape(const VectorFill& args) {
  return {(args.count + fill_threads - 1) / fill_threads, fill_threads, 0};
}

CALVO_DEVICE void fill_element(const VectorFill& args) {
  const std::int64_t index = simt::block_index() * fill_threads + simt::thread_index();
  if (index < args.count)
    args.out[index] = args.offset + args.fill(static_cast<std::uint64_t>(index));
}

}  // namespace calvo::kernels::gpu
