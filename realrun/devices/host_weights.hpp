#pragma once

#include <cstdint>
#include <vector>

#include "kernels/matmul.hpp"
#include "models/model_shape.hpp"

namespace calvo::realrun {

/// Weights of one layer. Matrices map [rows][depth] to [rows][columns].
struct HostLayerWeights {
  std::vector<float> attention_norm;  ///< [hidden]
  kernels::PanelMatrix qkv;           ///< hidden to q_heads, kv_heads, kv_heads times head_dim
  kernels::PanelMatrix output;        ///< q_heads * head_dim to hidden
  std::vector<float> ffn_norm;        ///< [hidden]
  kernels::PanelMatrix gate_up;       ///< hidden to dense_ffn twice
  kernels::PanelMatrix down;          ///< dense_ffn to hidden
};

/// model_tensors.hpp's, as products on the CPU read them.
struct HostWeights {
  std::vector<float> embedding;  ///< [vocab][hidden]
  std::vector<HostLayerWeights> layers;
  std::vector<float> final_norm;  ///< [hidden]
  kernels::PanelMatrix head;      ///< hidden to vocab

  HostWeights(const models::ModelShape& shape, std::uint64_t seed);
};

/// Bytes that they take.
std::int64_t host_weight_bytes(const models::ModelShape& shape);

}  // namespace calvo::realrun
