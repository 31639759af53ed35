#pragma once

#include <cstdint>

#include "kernels/bf16.hpp"
#include "kernels/gpu/stream.hpp"
#include "kernels/weight_fill.hpp"

namespace calvo::kernels::gpu {

/// A matrix of weights, or a part of a fused one:
///
///   out[row * row_stride + column * column_stride] = fill(row * columns + column)
///
/// WeightFill's values are bf16 already: the same bits as on the host, nothing is rounded twice.
///
/// Requires: one of the strides is 1; no two elements at one place.
/// Bound:    memory traffic, 2 * rows * columns bytes.
/// Reference: kernels::WeightFill. Exact.
struct MatrixFill {
  WeightFill fill;
  Bf16* out = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
};
void fill_matrix(const MatrixFill& args, Stream stream);

/// out[i] = offset + fill(i) in float, for norms: 1 + a bf16 number is no bf16 number.
struct VectorFill {
  WeightFill fill;
  float* out = nullptr;
  std::int64_t count = 0;
  float offset = 0;
};
void fill_vector(const VectorFill& args, Stream stream);

}  // namespace calvo::kernels::gpu
