// A time cut into parts that sum to it.
#pragma once

#include <span>
#include <vector>

#include "core/units.hpp"

namespace calvo::analysis {

/// Parts of `total` in proportion to `weights`, whole nanoseconds that sum to it exactly; none for
/// no weights.
std::vector<Nanoseconds> split_time(Nanoseconds total, std::span<const double> weights);

}  // namespace calvo::analysis
