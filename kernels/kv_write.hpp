#pragma once

#include <cstdint>

#include "kernels/kv_layout.hpp"

namespace calvo::kernels {

/// Puts the keys and values of new tokens into their pages, rounded to bf16: row r is position
/// `first + r`.
///
/// Requires: keys, values [rows][kv_heads][head_dim], rows `stride` floats apart; kv.pages cover
///           first + rows positions.
/// Bound:    memory traffic, 12 * rows * kv_heads * head_dim bytes.
struct KvWrite {
  const float* keys = nullptr;
  const float* values = nullptr;
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t first = 0;
  PagedKv kv;
};

void kv_write_reference(const KvWrite& args);

}  // namespace calvo::kernels
