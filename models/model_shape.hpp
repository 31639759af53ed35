#pragma once

#include <cstdint>
#include <string>

#include "core/units.hpp"

namespace calvo::models {

/// The architecture of an LLM, as far as time and memory depend on it. Names follow the usual
/// config.json. `mla_kv_lora > 0` means multi-head latent attention; `experts > 0` means MoE.
struct ModelShape {
  std::string name;
  std::int32_t layers = 0;
  std::int32_t hidden = 0;
  std::int32_t q_heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t dense_ffn = 0;
  std::int32_t vocab = 0;
  std::int32_t experts = 0;
  std::int32_t top_k = 0;
  std::int32_t moe_ffn = 0;
  std::int32_t shared_experts = 0;
  std::int32_t dense_layers = 0;  ///< leading layers with a dense FFN
  std::int32_t mla_kv_lora = 0;
  std::int32_t mla_rope_dim = 0;
  std::int32_t mla_q_lora = 0;
  std::int32_t mla_nope_dim = 0;
  std::int32_t mla_v_dim = 0;
  std::int32_t window = 0;         ///< tokens that a layer with a sliding window attends to
  std::int32_t window_layers = 0;  ///< how many layers have such a window; 0: none
  std::int64_t max_context = 0;
  double params_billion = 0;
  double active_params_billion = 0;
  std::int32_t bytes_per_value = 2;  ///< of weights and KV: 2 = bf16

  /// KV bytes of one token over all layers: GQA 2 * kv_heads * head_dim values a layer, MLA
  /// kv_lora + rope_dim. With tensor parallelism beyond kv_heads the heads are duplicated.
  Bytes kv_bytes_per_token(std::int32_t tensor_parallel = 1) const;
  Bytes weight_bytes() const;
};

}  // namespace calvo::models
