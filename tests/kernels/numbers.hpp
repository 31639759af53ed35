#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/random.hpp"

namespace calvo::kernels::testing {

/// `count` numbers of mean 0 and deviation 1.
inline std::vector<float> random_floats(std::uint64_t seed, std::int64_t count) {
  Random random(seed, 99);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.normal()));
  return values;
}

/// The largest difference over the largest expected magnitude.
inline double error_of(std::span<const float> got, std::span<const double> expected) {
  double worst = 0;
  double largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    worst = std::max(worst, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return got.size() == expected.size() ? worst / largest : INFINITY;
}

}  // namespace calvo::kernels::testing
