#pragma once

#include <cstdint>
#include <vector>

#include "kernels/bf16.hpp"
#include "kernels/gpu/stream.hpp"
#include "models/model_shape.hpp"
#include "realrun/devices/cuda/cuda_resources.hpp"

namespace calvo::realrun {

/// Matrices are [columns][depth], as products read them.
struct CudaLayerWeights {
  const float* attention_norm = nullptr;   ///< [hidden]
  const kernels::Bf16* qkv = nullptr;      ///< hidden to q_heads, kv_heads, kv_heads x head_dim
  const kernels::Bf16* output = nullptr;   ///< q_heads * head_dim to hidden
  const float* ffn_norm = nullptr;         ///< [hidden]
  const kernels::Bf16* gate_up = nullptr;  ///< hidden to dense_ffn twice
  const kernels::Bf16* down = nullptr;     ///< dense_ffn to hidden
};

/// model_tensors.hpp's, made on the GPU: the values that the host device has, bit for bit.
class CudaWeights {
public:
  /// Queued on `stream`, not awaited.
  CudaWeights(const models::ModelShape& shape, std::uint64_t seed, const CudaStream& stream);

  const kernels::Bf16* embedding = nullptr;  ///< [vocab][hidden]
  std::vector<CudaLayerWeights> layers;
  const float* final_norm = nullptr;  ///< [hidden]
  const kernels::Bf16* head =
      nullptr;  ///< hidden to logits_stride(shape), zeros beyond the vocabulary

private:
  DeviceMemory memory_;
};

}  // namespace calvo::realrun
