#pragma once

#include <cstdint>

#include "core/contract.hpp"
#include "core/units.hpp"

namespace calvo::realrun {

/// For how long at least one of several things was going on.
class BusyTime {
public:
  void begin(Instant now) {
    if (count_++ == 0) since_ = now;
  }
  void end(Instant now) {
    CALVO_EXPECT(count_ > 0);
    if (--count_ == 0) total_ += now - since_;
  }
  Nanoseconds total(Instant now) const {
    return total_ + (count_ > 0 ? now - since_ : Nanoseconds{0});
  }

private:
  std::int64_t count_ = 0;
  Instant since_{};
  Nanoseconds total_{0};
};

}  // namespace calvo::realrun
