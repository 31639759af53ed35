#pragma once

#include <cstdint>

namespace calvo::kernels {

/// y[r][i] = weight[i] * x[r][i] / sqrt(mean over i of x[r][i]^2 + epsilon)
///
/// Requires: x, y [rows][width], weight [width]; y may be x.
/// Source:   Zhang and Sennrich, NeurIPS 2019.
/// Bound:    memory traffic, 8 * rows * width bytes.
struct RmsNorm {
  const float* x = nullptr;
  const float* weight = nullptr;
  float* y = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  float epsilon = 1e-5F;
};

void rms_norm_reference(const RmsNorm& args);

}  // namespace calvo::kernels
