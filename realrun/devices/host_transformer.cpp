#include "realrun/devices/host_transformer.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"
#include "kernels/argmax.hpp"
#include "kernels/embedding.hpp"
#include "kernels/kv_write.hpp"
#include "kernels/matmul.hpp"
#include "kernels/paged_attention.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t chunk_rows = 96;  // rows whose intermediate values stay in the cache
constexpr double rope_base = 10000;      // Su et al., arXiv 2104.09864

std::int64_t padded(std::int64_t columns) {
  return kernels::panels_of(columns) * kernels::panel_width;
}

void multiply(const float* x, std::int64_t x_stride, std::int64_t rows,
              const kernels::PanelMatrix& w, float* y) {
  kernels::matmul_reference({.x = x,
                             .x_stride = x_stride,
                             .w = w.data(),
                             .y = y,
                             .y_stride = padded(w.columns()),
                             .rows = rows,
                             .depth = w.depth(),
                             .panels = kernels::panels_of(w.columns())});
}

void add_rows(const float* from, std::int64_t stride, float* to, std::int64_t rows,
              std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < width; ++i) to[r * width + i] += from[r * stride + i];
  }
}

void grow(std::vector<float>& values, std::int64_t count) {
  if (static_cast<std::int64_t>(values.size()) < count) {
    values.resize(static_cast<std::size_t>(count));
  }
}

}  // namespace

HostTransformer::HostTransformer(const models::ModelShape& shape, std::uint64_t seed)
    : shape_(shape),
      weights_(shape, seed),
      q_(std::int64_t{shape.q_heads} * shape.head_dim),
      kv_(std::int64_t{shape.kv_heads} * shape.head_dim),
      qkv_stride_(padded(q_ + 2 * kv_)) {
  grow(norm_, chunk_rows * shape.hidden);
  grow(wide_, chunk_rows *
                  padded(std::max<std::int64_t>(std::int64_t{2} * shape.dense_ffn, shape.hidden)));
  grow(narrow_, chunk_rows * shape.dense_ffn);
}

void HostTransformer::step(kernels::Bf16* pool, const kernels::KvLayout& layout,
                           std::span<const SequenceStep> sequences,
                           const std::function<void(std::int32_t)>& before_layer,
                           std::span<SequenceResult> results) {
  embed(sequences);
  for (std::int32_t layer = 0; layer < shape_.layers; ++layer) {
    before_layer(layer);
    attention(pool, layout, sequences, layer);
    output_and_ffn(weights_.layers[static_cast<std::size_t>(layer)]);
  }
  finish(sequences, results);
}

void HostTransformer::embed(std::span<const SequenceStep> sequences) {
  std::vector<std::int64_t> positions;
  for (const SequenceStep& sequence : sequences) {
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i) {
      positions.push_back(sequence.context + static_cast<std::int64_t>(i));
    }
  }
  rows_ = static_cast<std::int64_t>(positions.size());
  grow(x_, rows_ * shape_.hidden);
  grow(qkv_, rows_ * qkv_stride_);
  grow(mixed_, rows_ * q_);
  grow(rope_, rows_ * shape_.head_dim);
  kernels::rope_table(positions, shape_.head_dim, rope_base,
                      {rope_.data(), static_cast<std::size_t>(rows_ * shape_.head_dim)});
  float* x = x_.data();
  for (const SequenceStep& sequence : sequences) {
    kernels::embedding_reference({.table = weights_.embedding.data(),
                                  .vocab = shape_.vocab,
                                  .tokens = sequence.tokens,
                                  .out = x,
                                  .width = shape_.hidden});
    x += static_cast<std::int64_t>(sequence.tokens.size()) * shape_.hidden;
  }
}

void HostTransformer::attention(kernels::Bf16* pool, const kernels::KvLayout& layout,
                                std::span<const SequenceStep> sequences, std::int32_t layer) {
  const HostLayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  for (std::int64_t row = 0; row < rows_; row += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, rows_ - row);
    kernels::rms_norm_reference({.x = x_.data() + row * shape_.hidden,
                                 .weight = weights.attention_norm.data(),
                                 .y = norm_.data(),
                                 .rows = rows,
                                 .width = shape_.hidden});
    float* qkv = qkv_.data() + row * qkv_stride_;
    multiply(norm_.data(), shape_.hidden, rows, weights.qkv, qkv);
    kernels::rope_reference({.x = qkv,  // queries, and keys behind them
                             .stride = qkv_stride_,
                             .table = rope_.data() + row * shape_.head_dim,
                             .rows = rows,
                             .heads = shape_.q_heads + shape_.kv_heads,
                             .head_dim = shape_.head_dim});
  }
  std::int64_t row = 0;
  for (const SequenceStep& sequence : sequences) {
    const auto rows = static_cast<std::int64_t>(sequence.tokens.size());
    const kernels::PagedKv kv{pool, layout, layer, sequence.pages};
    const float* qkv = qkv_.data() + row * qkv_stride_;
    kernels::kv_write_reference({.keys = qkv + q_,
                                 .values = qkv + q_ + kv_,
                                 .stride = qkv_stride_,
                                 .rows = rows,
                                 .first = sequence.context,
                                 .kv = kv});
    kernels::paged_attention_reference({.q = qkv,
                                        .q_stride = qkv_stride_,
                                        .out = mixed_.data() + row * q_,
                                        .out_stride = q_,
                                        .rows = rows,
                                        .first = sequence.context,
                                        .keys_begin = 0,
                                        .keys_end = sequence.context + rows,
                                        .q_heads = shape_.q_heads,
                                        .scale = 1 / std::sqrt(static_cast<float>(shape_.head_dim)),
                                        .kv = kv});
    row += rows;
  }
}

void HostTransformer::output_and_ffn(const HostLayerWeights& weights) {
  const std::int64_t hidden = shape_.hidden;
  const std::int64_t ffn = shape_.dense_ffn;
  for (std::int64_t row = 0; row < rows_; row += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, rows_ - row);
    float* x = x_.data() + row * hidden;
    multiply(mixed_.data() + row * q_, q_, rows, weights.output, wide_.data());
    add_rows(wide_.data(), padded(hidden), x, rows, hidden);
    kernels::rms_norm_reference({.x = x,
                                 .weight = weights.ffn_norm.data(),
                                 .y = norm_.data(),
                                 .rows = rows,
                                 .width = hidden});
    multiply(norm_.data(), hidden, rows, weights.gate_up, wide_.data());
    kernels::swiglu_reference({.gate = wide_.data(),
                               .up = wide_.data() + ffn,
                               .in_stride = padded(2 * ffn),
                               .out = narrow_.data(),
                               .rows = rows,
                               .width = ffn});
    multiply(narrow_.data(), ffn, rows, weights.down, wide_.data());
    add_rows(wide_.data(), padded(hidden), x, rows, hidden);
  }
}

void HostTransformer::finish(std::span<const SequenceStep> sequences,
                             std::span<SequenceResult> results) {
  std::vector<float> logits(static_cast<std::size_t>(padded(shape_.vocab)));
  std::int64_t row = -1;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    row += static_cast<std::int64_t>(sequences[i].tokens.size());  // its last one
    kernels::rms_norm_reference({.x = x_.data() + row * shape_.hidden,
                                 .weight = weights_.final_norm.data(),
                                 .y = norm_.data(),
                                 .rows = 1,
                                 .width = shape_.hidden});
    multiply(norm_.data(), shape_.hidden, 1, weights_.head, logits.data());
    const std::span<const float> known(logits.data(), static_cast<std::size_t>(shape_.vocab));
    results[i].next_token = kernels::argmax_reference(known);
    if (sequences[i].wants_logits) results[i].logits.assign(known.begin(), known.end());
  }
}

}  // namespace calvo::realrun
