#pragma once

#include <chrono>

#include "core/units.hpp"

namespace calvo::realrun {

/// Dates of a real run: nanoseconds of the steady clock since this was made. Any thread.
class WallClock {
public:
  Instant now() const {
    return Instant{std::chrono::duration_cast<Nanoseconds>(Clock::now() - start_)};
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace calvo::realrun
