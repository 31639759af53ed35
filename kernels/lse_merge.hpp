#pragma once

#include <cstdint>

namespace calvo::kernels {

/// Puts two attentions of the same queries over disjoint keys together:
///
///   lse    = log(exp(lse_a) + exp(lse_b))
///   out[i] = exp(lse_a - lse) * a[i] + exp(lse_b - lse) * b[i]
///
/// A part without keys has lse -infinity and counts for nothing; if both are, out is 0.
///
/// Requires: a, b, out [rows][width] and lse_a, lse_b, lse [rows], where a row is one head of one
///           token; out may be a or b, lse may be lse_a or lse_b.
/// Bound:    memory traffic, 12 * rows * width bytes.
struct LseMerge {
  const float* a = nullptr;
  const float* lse_a = nullptr;
  const float* b = nullptr;
  const float* lse_b = nullptr;
  float* out = nullptr;
  float* lse = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
};

void lse_merge_reference(const LseMerge& args);

}  // namespace calvo::kernels
