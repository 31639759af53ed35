#pragma once

#include <cstdint>

namespace calvo::kernels {

/// Names one tensor of a model: weights are a pure function of (seed, tensor, index), so that every
/// machine and device makes the same model without a file.
enum class WeightTensor : std::uint64_t {};

/// Element `index` of a tensor: uniform with mean 0 and the given deviation, rounded to bf16 so
/// that devices that hold bf16 weights have the same ones.
struct WeightFill {
  std::uint64_t key = 0;
  float scale = 0;

  /// Requires: deviation > 0.
  WeightFill(std::uint64_t seed, WeightTensor tensor, double deviation);
  float operator()(std::uint64_t index) const;
};

}  // namespace calvo::kernels
