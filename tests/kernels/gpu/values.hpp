#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "kernels/bf16.hpp"

namespace calvo::kernels::gpu::testing {

inline constexpr Bf16 nan_bf16{0x7fff};

inline std::vector<Bf16> random_bf16(std::uint64_t seed, std::int64_t count) {
  Random random(seed, 7);
  std::vector<Bf16> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(to_bf16(static_cast<float>(random.normal())));
  }
  return values;
}

inline std::vector<float> widened(std::span<const Bf16> values) {
  std::vector<float> result;
  for (const Bf16 value : values) result.push_back(to_float(value));
  return result;
}

inline std::vector<std::int32_t> shuffled(std::uint64_t seed, std::int32_t count) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  Random random(seed, 8);
  for (std::size_t i = result.size(); i > 1; --i) std::swap(result[i - 1], result[random.below(i)]);
  return result;
}

/// ||got - expected|| / ||expected||; infinity if a number is missing or none.
inline double distance(std::span<const float> got, std::span<const float> expected) {
  if (got.size() != expected.size()) return INFINITY;
  double error = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(got[i])) return INFINITY;
    if (got[i] == expected[i]) {
      norm += std::isfinite(got[i]) ? static_cast<double>(got[i]) * static_cast<double>(got[i]) : 0;
      continue;
    }
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(expected[i]), 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  return error == 0 ? 0 : std::sqrt(error / norm);
}

/// Results in bf16 of arithmetic in float.
inline constexpr double bf16_tolerance = 1e-2;
/// One rounding to bf16: at most half a unit in the last of 8 bits.
inline constexpr double rounding_tolerance = 0x1p-8 + 1e-5;

}  // namespace calvo::kernels::gpu::testing
