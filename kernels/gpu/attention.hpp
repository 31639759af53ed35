#pragma once

#include <cstdint>

#include "kernels/gpu/attention_plan.hpp"
#include "kernels/gpu/batch.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

/// Attention of the new tokens of several sequences over their paged KV, causal, grouped heads, as
/// kernels::PagedAttention says. Row r of sequence s at position p sees the keys
/// [keys_begin[s], min(keys_end[s], p + 1)); without keys it gets out 0 and lse -infinity.
/// Everything in the pages has been written before (rope_kv_write), the new tokens' own KV
/// included.
///
/// For two parts that lse_merge puts together: keys_end = batch.first for the prefix, keys_begin =
/// batch.first for the new tokens.
///
/// Requires: q, out [batch.rows][q_heads][head_dim], rows q_stride and out_stride values apart,
///           16-byte aligned, strides multiples of 8; head_dim 64 or 128; q_heads a multiple of
///           kv_heads; tiles from prefill_tiles() for some or all of the sequences, copied to the
///           device; sequences without a tile are left alone. kv.layout.block_tokens > 0.
/// Bound:    arithmetic, 4 * rows * keys * q_heads * head_dim operations on tensor cores (causal
///           ones half of that for the new tokens).
/// Reference: kernels::paged_attention_reference. Tolerance: ||a - b|| < 1e-2 ||b||.
struct PrefillAttention {
  const Bf16* q = nullptr;
  std::int64_t q_stride = 0;
  Bf16* out = nullptr;
  std::int64_t out_stride = 0;
  float* lse = nullptr;  ///< [batch.rows][q_heads] or null
  RaggedBatch batch{};
  const PrefillTile* tiles = nullptr;
  std::int32_t tile_count = 0;
  const std::int32_t* keys_begin = nullptr;  ///< [sequences] or null: 0
  const std::int32_t* keys_end = nullptr;    ///< [sequences] or null: all
  std::int32_t q_heads = 0;
  float scale = 1;
  PagedLayer kv{};
};
void prefill_attention(const PrefillAttention& args, Stream stream);

/// The same for sequences with one new token each: keys are cut into splits that run side by side,
/// then put together by their LSE.
///
/// Requires: as above, and members [count] or null for sequences 0 ... count - 1, each with exactly
///           one row; plan from decode_plan() for `count` sequences (where keys have grown since,
///           the last split takes the rest); workspace of plan.workspace_bytes, 16-byte aligned,
///           not shared with a launch that may run at the same time. Needs no initial contents.
/// Bound:    memory traffic, 4 * keys * kv_heads * head_dim bytes.
struct DecodeAttention {
  const Bf16* q = nullptr;
  std::int64_t q_stride = 0;
  Bf16* out = nullptr;
  std::int64_t out_stride = 0;
  float* lse = nullptr;  ///< [batch.rows][q_heads] or null
  RaggedBatch batch{};
  const std::int32_t* members = nullptr;
  std::int32_t count = 0;
  DecodePlan plan{};
  float* workspace = nullptr;
  std::int32_t q_heads = 0;
  float scale = 1;
  PagedLayer kv{};
};
void decode_attention(const DecodeAttention& args, Stream stream);

/// Puts attentions of the same queries over disjoint keys together:
///
///   lse[r]    = log(sum over n of exp(part_lse[n][r]))
///   out[r][:] = sum over n of exp(part_lse[n][r] - lse[r]) * parts[n][r][:]
///
/// A part without keys has lse -infinity and counts for nothing, whatever its row holds; if all
/// have, out is 0.
///
/// Requires: parts [count][rows][width], part_lse [count][rows], out [rows][width], 16-byte
///           aligned, where a row is one head of one token; width a multiple of 8; 1 <= count.
///           lse [rows] or null, none of the parts' own. out may be one of the parts.
/// Bound:    memory traffic, 2 * (count + 1) * rows * width bytes.
/// Reference: kernels::lse_merge_reference, part by part. Tolerance: one rounding to bf16.
struct LseMerge {
  const Bf16* parts = nullptr;
  const float* part_lse = nullptr;
  std::int32_t count = 0;
  Bf16* out = nullptr;
  float* lse = nullptr;
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
void lse_merge(const LseMerge& args, Stream stream);

}  // namespace calvo::kernels::gpu
