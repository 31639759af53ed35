#pragma once

#include <cstdint>

#include "kernels/gpu/batch.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

/// Cosines and sines of the positions of a batch's rows, once a step for all of its layers:
/// table [rows][head_dim] as kernels::rope_table makes it, with angles in double.
///
/// Requires: head_dim even, base > 0.
/// Bound:    arithmetic in double, rows * head_dim / 2 sine-cosine pairs.
/// Reference: kernels::rope_table. Tolerance: one unit in the last place of a float.
struct RopeTable {
  RaggedBatch batch{};
  float* table = nullptr;
  std::int32_t head_dim = 0;
  double base = 10000;
};
void rope_table(const RopeTable& args, Stream stream);

/// Rotates queries in place, and puts rotated keys and values into their pages. With x a query or
/// key head, (x[i], x[i + head_dim / 2]) is rotated by the table's angle i, in float, rounded once.
///
/// Requires: qkv [rows][stride]: q_heads queries, kv_heads keys, kv_heads values of head_dim each;
///           16-byte aligned, stride a multiple of 8; head_dim a multiple of 16; table
///           [rows][head_dim], 16-byte aligned; page tables cover all positions of the batch.
/// Bound:    memory traffic, 4 * rows * (q_heads + 2 * kv_heads) * head_dim bytes, and the table.
/// Reference: kernels::rope_reference, kernels::kv_write_reference. Tolerance: queries and keys one
///           rounding to bf16; values exact.
struct RopeKvWrite {
  Bf16* qkv = nullptr;
  std::int64_t stride = 0;
  const float* table = nullptr;
  RaggedBatch batch{};
  std::int32_t q_heads = 0;
  PagedLayer kv{};
};
void rope_kv_write(const RopeKvWrite& args, Stream stream);

}  // namespace calvo::kernels::gpu
