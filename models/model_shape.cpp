#include "models/model_shape.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"

namespace calvo::models {

Bytes ModelShape::kv_bytes_per_token(std::int32_t tensor_parallel) const {
  CALVO_EXPECT(tensor_parallel >= 1);
  const std::int64_t per_layer = std::int64_t{layers} * bytes_per_value;
  // MLA's latent vector has no heads: every GPU of the group holds all of it.
  if (mla_kv_lora > 0) return Bytes{per_layer * (mla_kv_lora + mla_rope_dim) * tensor_parallel};
  const std::int32_t heads = std::max(kv_heads, tensor_parallel);
  return Bytes{per_layer * 2 * heads * head_dim};
}

Bytes ModelShape::weight_bytes() const {
  return Bytes{std::llround(params_billion * 1e9) * bytes_per_value};
}

}  // namespace calvo::models
