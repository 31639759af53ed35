// Pacing in bytes per second: a fast machine stands for a slower link.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "core/contract.hpp"
#include "core/units.hpp"

namespace calvo::realrun {

/// A link that serves bytes first come, first served at a fixed rate. It reads no clock: the caller
/// asks when its bytes are through, and waits until then before it says that they have arrived.
///
/// Dates follow from each other and not from when the caller woke up, so that waking late costs no
/// bandwidth: a caller that is `burst` late at most catches up. What it loses beyond that is lost.
class TokenBucket {
public:
  using Time = std::chrono::steady_clock::time_point;

  /// Requires: rate > 0, burst >= 0.
  TokenBucket(BytesPerSecond rate, Nanoseconds burst) : rate_(rate), burst_(burst) {
    CALVO_EXPECT(rate.count() > 0 && burst.count() >= 0);
  }

  /// Takes `bytes` that could start at `ready` (asked for, credit there) and says when the last of
  /// them is through: never sooner than `bytes` / rate after `ready`.
  /// Requires: ready <= now, bytes >= 0.
  Time take(std::int64_t bytes, Time ready, Time now) {
    CALVO_EXPECT(bytes >= 0 && ready <= now);
    const Time start = std::max({through_, ready, now - burst_});
    through_ = start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                           to_nanoseconds(Bytes{bytes} / rate_));
    return through_;
  }

private:
  BytesPerSecond rate_;
  Nanoseconds burst_;
  Time through_{};
};

}  // namespace calvo::realrun
