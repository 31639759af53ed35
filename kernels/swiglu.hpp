#pragma once

#include <cstdint>

namespace calvo::kernels {

/// out[r][i] = silu(gate[r][i]) * up[r][i], silu(x) = x / (1 + exp(-x))
///
/// Requires: gate, up [rows][width], rows in_stride floats apart; out [rows][width], dense,
/// overlaps
///           neither.
/// Source:   Shazeer, arXiv 2002.05202.
/// Bound:    memory traffic, 12 * rows * width bytes.
struct Swiglu {
  const float* gate = nullptr;
  const float* up = nullptr;
  std::int64_t in_stride = 0;
  float* out = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
};

void swiglu_reference(const Swiglu& args);

}  // namespace calvo::kernels
