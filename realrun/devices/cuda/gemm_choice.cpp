#include "realrun/devices/cuda/gemm_choice.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t first_between = 64;

Seconds median(GemmTimes times) {
  std::vector<Seconds> sorted(times.begin(), times.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::ranges::nth_element(sorted, middle);
  return *middle;
}

}  // namespace

std::int64_t row_bucket(std::int64_t rows) {
  CALVO_EXPECT(rows > 0);
  const auto power = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(rows)));
  const std::int64_t between = power / 4 * 3;
  return between > first_between && rows <= between ? between : power;
}

std::size_t fastest(std::span<const GemmTimes> candidates) {
  std::size_t best = candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].empty()) continue;
    if (best == candidates.size() || median(candidates[i]) < median(candidates[best])) best = i;
  }
  CALVO_EXPECT(best < candidates.size());
  return best;
}

}  // namespace calvo::realrun
