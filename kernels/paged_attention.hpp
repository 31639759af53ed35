#pragma once

#include <cstdint>

#include "kernels/kv_layout.hpp"

namespace calvo::kernels {

/// Attention of the new tokens of one sequence over its paged KV, causal, with grouped heads:
///
///   s[j]           = scale * dot(q[r][h], key[j][h / (q_heads / kv_heads)])
///   out[r][h]      = sum over j of exp(s[j]) * value[j][...] / sum over j of exp(s[j])
///   lse[r][h]      = log(sum over j of exp(s[j]))
///   j              in [keys_begin, min(keys_end, first + r + 1))
///
/// where row r is position `first + r`. Prefill has many rows, decode has one. With [0, first) and
/// [first, first + rows) it makes the two parts that lse_merge puts together. A row without keys
/// gets out 0 and lse -infinity.
///
/// A row's bits depend on its own keys only: not on the rows beside it, nor on the pages, nor on
/// block_tokens. (Keys are taken 64 positions at a time, counted from position 0.)
///
/// Requires: q, out [rows][q_heads][head_dim], rows q_stride and out_stride floats apart;
///           lse [rows][q_heads] or null; kv.pages cover keys_end positions, all of them written;
///           q_heads a multiple of kv_heads.
/// Bound:    prefill arithmetic, 4 * rows * keys * q_heads * head_dim operations; decode memory
///           traffic, 4 * keys * kv_heads * head_dim bytes.
struct PagedAttention {
  const float* q = nullptr;
  std::int64_t q_stride = 0;
  float* out = nullptr;
  std::int64_t out_stride = 0;
  float* lse = nullptr;
  std::int64_t rows = 0;
  std::int64_t first = 0;
  std::int64_t keys_begin = 0;
  std::int64_t keys_end = 0;
  std::int32_t q_heads = 0;
  float scale = 1;
  PagedKv kv;
};

void paged_attention_reference(const PagedAttention& args);

}  // namespace calvo::kernels
