#pragma once

#include <cstdint>

#include "kernels/bf16.hpp"
#include "kernels/gpu/batch.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

/// out[r][:] = table[tokens[r]][:]
///
/// Requires: table [vocab][width], out [rows][width], 16-byte aligned; width a multiple of 8;
///           0 <= tokens[r] < vocab.
/// Bound:    memory traffic, 4 * rows * width bytes.
/// Reference: kernels::embedding_reference. Exact.
struct Embedding {
  const Bf16* table = nullptr;
  const std::int32_t* tokens = nullptr;  ///< [rows]
  Bf16* out = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void embedding(const Embedding& args, Stream stream);

/// With h[r] = residual ? bf16(residual[s] + x[s]) : x[s], where s = take ? take[r] : r:
///
///   y[r][i] = bf16(weight[i] * h[r][i] / sqrt(mean over i of h[r][i]^2 + epsilon))
///   residual[s] = h[r], if there is one
///
/// Requires: x, residual [any rows][width], y [rows][width], weight [width], 16-byte aligned;
///           width a multiple of 8, at most 65536; `take` names no row twice if there is a
///           residual; y may be x unless rows are taken; else no overlap.
/// Bound:    memory traffic, 4 * rows * width bytes, with a residual 8.
/// Reference: kernels::rms_norm_reference on the values widened. Tolerance: one rounding to bf16.
struct RmsNorm {
  const Bf16* x = nullptr;
  Bf16* residual = nullptr;            ///< or null
  const float* weight = nullptr;       ///< float: 1 + a small number has no room in bf16
  const std::int32_t* take = nullptr;  ///< [rows] or null: all in order
  Bf16* y = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  float epsilon = 1e-5F;
};
void rms_norm(const RmsNorm& args, Stream stream);

/// out[r][i] = bf16(silu(gate_up[r][i]) * gate_up[r][width + i]), silu(x) = x / (1 + exp(-x))
///
/// Requires: gate_up [rows][2 * width], out [rows][width], 16-byte aligned; width a multiple of 8.
/// Bound:    memory traffic, 6 * rows * width bytes.
/// Reference: kernels::swiglu_reference. Tolerance: one rounding to bf16.
struct Swiglu {
  const Bf16* gate_up = nullptr;
  Bf16* out = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void swiglu(const Swiglu& args, Stream stream);

/// best[r] = index of the largest of values[r][0 ... width), the first of equal ones.
///
/// Requires: values [rows][stride], none NaN; 0 < width <= stride; values 16-byte aligned and
///           stride a multiple of 4.
/// Bound:    memory traffic, 4 * rows * width bytes.
/// Reference: kernels::argmax_reference. Exact.
struct Argmax {
  const float* values = nullptr;
  std::int64_t stride = 0;
  std::int32_t* best = nullptr;  ///< [rows]
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void argmax(const Argmax& args, Stream stream);

}  // namespace calvo::kernels::gpu
