#pragma once

#include <algorithm>

#include "core/units.hpp"

namespace calvo::realrun {

/// For how long something that one waits for has not been heard of.
class Silence {
public:
  /// Whether anything is waited for now. Waiting anew begins a new silence.
  void waits(bool waiting, Instant now) {
    if (waiting && !waiting_) since_ = now;
    waiting_ = waiting;
  }
  void heard(Instant now) { since_ = now; }
  /// For so long nobody has listened.
  void excuse(Nanoseconds time, Instant now) { since_ = std::min(now, since_ + time); }

  /// When it will have lasted for `limit`; never if nothing is waited for.
  Instant ends(Nanoseconds limit) const { return waiting_ ? since_ + limit : never; }

private:
  Instant since_{};
  bool waiting_ = false;
};

}  // namespace calvo::realrun
