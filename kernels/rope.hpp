#pragma once

#include <cstdint>
#include <span>

namespace calvo::kernels {

/// Cosines and sines of the rotations at `positions`: table [positions][head_dim], the first half
/// of a row cos(p / base^(2i / head_dim)), the second half the sines, i < head_dim / 2.
/// Requires: head_dim even, table.size() == positions.size() * head_dim, base > 0.
void rope_table(std::span<const std::int64_t> positions, std::int32_t head_dim, double base,
                std::span<float> table);

/// Rotates each pair (x[i], x[i + head_dim / 2]) of each head, in place.
///
/// Requires: x [rows][heads][head_dim], rows `stride` floats apart; table [rows][head_dim].
/// Source:   Su et al., arXiv 2104.09864, pairs as in Llama.
/// Bound:    memory traffic, 8 * rows * heads * head_dim bytes.
struct Rope {
  float* x = nullptr;
  std::int64_t stride = 0;
  const float* table = nullptr;
  std::int64_t rows = 0;
  std::int32_t heads = 0;
  std::int32_t head_dim = 0;
};

void rope_reference(const Rope& args);

}  // namespace calvo::kernels
