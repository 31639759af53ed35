#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/kv_layout.hpp"
#include "models/model_shape.hpp"
#include "realrun/devices/device.hpp"
#include "realrun/devices/host_weights.hpp"

namespace calvo::realrun {

/// A decoder with grouped-query attention, RoPE and SwiGLU in float32, over paged bf16 KV.
///
/// Prefill and decode are one path, and each row of it is computed by itself in a fixed order:
/// results have the same bits however prompts are cut into chunks and steps into batches, whatever
/// pages hold the KV and how large blocks are, and whether KV was computed here or loaded.
class HostTransformer {
public:
  HostTransformer(const models::ModelShape& shape, std::uint64_t seed);

  /// Computes StepInput's sequences; `before_layer` is called before each layer.
  void step(kernels::Bf16* pool, const kernels::KvLayout& layout,
            std::span<const SequenceStep> sequences,
            const std::function<void(std::int32_t layer)>& before_layer,
            std::span<SequenceResult> results);

private:
  void embed(std::span<const SequenceStep> sequences);
  void attention(kernels::Bf16* pool, const kernels::KvLayout& layout,
                 std::span<const SequenceStep> sequences, std::int32_t layer);
  void output_and_ffn(const HostLayerWeights& weights);
  void finish(std::span<const SequenceStep> sequences, std::span<SequenceResult> results);

  models::ModelShape shape_;
  HostWeights weights_;
  std::int64_t q_;                           ///< values of a token's queries
  std::int64_t kv_;                          ///< ... of its keys
  std::int64_t qkv_stride_;                  ///< with padding
  std::int64_t rows_ = 0;                    ///< new tokens of the step, sequence by sequence
  std::vector<float> x_;                     ///< [rows][hidden], the residual stream
  std::vector<float> qkv_;                   ///< [rows][qkv_stride]
  std::vector<float> mixed_;                 ///< [rows][q], attention's output
  std::vector<float> rope_;                  ///< [rows][head_dim]
  std::vector<float> norm_, wide_, narrow_;  ///< of a chunk of rows
};

}  // namespace calvo::realrun
