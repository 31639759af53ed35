#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/units.hpp"

namespace calvo::realrun {

/// How many reads to post to a node: what it carries in `ahead` at the pace seen so far. More would
/// wait in its connection, where runs that begin later can no longer take their turns and a cut
/// reaches nothing; fewer would leave the link idle between an answer and the next request.
///
/// Where the depth is what limits the pace, an answer comes sooner than `ahead` and the depth
/// grows; where the link does, it shrinks until reads wait no longer than that.
class ReadDepth {
public:
  static constexpr Nanoseconds ahead{2'000'000};
  static constexpr std::int64_t least = 2;  ///< one lands while the next is on its way

  explicit ReadDepth(std::int64_t most) : most_(std::max(most, least)) {}

  std::int64_t depth() const { return depth_; }

  void posted(Instant now, std::int64_t reads) {
    if (outstanding_ == 0) since_ = now;
    outstanding_ += reads;
  }

  /// `ok`: of those, how many have landed.
  void completed(Instant now, std::int64_t reads, std::int64_t ok) {
    busy_ += now - since_;
    since_ = now;
    outstanding_ -= reads;
    landed_ += static_cast<double>(ok);
    if (busy_ < look || ok == 0) return;
    const double pace = landed_ / static_cast<double>(busy_.count());
    const double wanted = std::ceil(pace * static_cast<double>(ahead.count()));
    depth_ = std::clamp(static_cast<std::int64_t>(std::min(wanted, 1e9)), least, most_);
    busy_ /= 2;  // what was long ago counts less
    landed_ /= 2;
  }

private:
  static constexpr Nanoseconds look{1'000'000};

  std::int64_t most_;
  std::int64_t depth_ = least;
  std::int64_t outstanding_ = 0;
  Instant since_{};
  Nanoseconds busy_{0};  ///< with reads outstanding
  double landed_ = 0;    ///< in that time
};

}  // namespace calvo::realrun
