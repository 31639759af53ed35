#pragma once

#include <cstdint>

#include "models/model_shape.hpp"

namespace calvo::realrun::testing {

/// Small enough for the host device to compute beside the GPU.
inline models::ModelShape gpu_shape(std::int32_t head_dim) {
  models::ModelShape shape;
  shape.name = "small";
  shape.layers = shape.dense_layers = 3;
  shape.hidden = 512;
  shape.q_heads = 8;
  shape.kv_heads = 2;
  shape.head_dim = head_dim;
  shape.dense_ffn = 1024;
  shape.vocab = 1003;  // no multiple of anything
  shape.max_context = 8192;
  return shape;
}

/// Of ||a - b|| / ||b|| of the logits. The host's transformer with every tensor between two kernels
/// rounded to bf16, as it is on a GPU, was 0.011 to 0.013 away from itself in float32 on these
/// shapes (12 prompts each); another prompt's logits are 1.3 away.
inline constexpr double bf16_tolerance = 0.03;

}  // namespace calvo::realrun::testing
