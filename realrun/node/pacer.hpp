#pragma once

#include <cstdint>

#include "realrun/wire/token_bucket.hpp"

namespace calvo::realrun {

/// When each piece that a node sends is through a link of a given rate. Reads no clock.
///
/// A piece that is asked for within `burst` / rate after the one before it was through counts as
/// one that had been waiting for the link: the sender only came late, and that costs no bandwidth.
/// After a longer pause the link was idle, and a piece takes its full time.
/// Ensures: no window of t seconds carries more than rate * t + burst, to within one piece.
class Pacer {
public:
  using Time = TokenBucket::Time;

  Pacer(BytesPerSecond rate, std::int64_t burst)
      : late_(to_nanoseconds(Bytes{burst} / rate)), bucket_(rate, late_) {}

  /// `speed`: share of the rate that the link has now. Requires: now does not decrease; speed > 0.
  Time through(std::int64_t bytes, Time now, double speed = 1) {
    CALVO_EXPECT(speed > 0);
    const bool waited = last_ <= now && now - last_ <= late_;
    last_ = bucket_.take(static_cast<std::int64_t>(static_cast<double>(bytes) / speed),
                         waited ? last_ : now, now);
    return last_;
  }

private:
  Nanoseconds late_;
  TokenBucket bucket_;
  Time last_{};
};

}  // namespace calvo::realrun
