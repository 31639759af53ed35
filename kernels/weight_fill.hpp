#pragma once

#include <cstdint>

#include "core/random.hpp"
#include "kernels/bf16.hpp"

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

  constexpr float operator()(std::uint64_t index) const {
    const std::uint64_t bits = mix_bits(key + golden * (index + 1)) >> 40;  // 24 of them
    const auto centred = static_cast<std::int32_t>(bits) - (1 << 23);
    return to_float(to_bf16(static_cast<float>(centred) * scale));
  }

private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;
};

}  // namespace calvo::kernels
