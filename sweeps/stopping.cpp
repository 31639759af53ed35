#include "sweeps/stopping.hpp"

#include <algorithm>
#include <cmath>

namespace calvo::sweeps {

Stopping::Stopping(const Until& until, std::size_t first) : until_(until) {
  const auto last = static_cast<std::size_t>(until.max_seeds);
  std::size_t size = std::clamp<std::size_t>(first, 2, last);
  while (size < last) {
    looks_.push_back(size);
    size += std::max<std::size_t>(1, (size + 1) / 2);
  }
  looks_.push_back(last);
}

double Stopping::level() const {
  return 1 - 0.05 / static_cast<double>(looks_.size());
}

bool Stopping::narrow_enough(std::span<const double> values) const {
  const analysis::MeanInterval mean = analysis::mean_interval(values, level());
  if (!mean.interval) return false;
  const double half = (mean.interval->high - mean.interval->low) / 2;
  const double enough =
      until_.half_width > 0 ? until_.half_width : until_.relative_half_width * std::abs(mean.mean);
  return half <= enough;
}

}  // namespace calvo::sweeps
