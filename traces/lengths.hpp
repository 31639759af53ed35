#pragma once

#include <cstdint>
#include <vector>

#include "core/random.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

/// Draws token counts from a distribution.
class Lengths {
public:
  /// Requires: a valid distribution. Throws InputError for what is wrong in its file.
  explicit Lengths(const LengthDistribution& distribution);

  /// At least `least`, whatever the distribution says.
  std::int64_t draw(Random& random, std::int64_t least) const;

private:
  LengthDistribution distribution_;
};

}  // namespace calvo::traces
