#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>

#include "core/units.hpp"

namespace calvo::realrun {

/// How many reads to post to a node: what it carries, at the pace seen so far, in `ahead` and the
/// time that a read takes if none is before it. More would wait in its connection, where runs that
/// begin later can no longer take their turns and a cut reaches nothing; fewer would leave the link
/// idle between an answer and the next request.
///
/// Where the depth is what limits the pace, an answer comes sooner than that and the depth grows,
/// however long the round trip is; where the link does, it shrinks until reads wait no longer than
/// `ahead`.
class ReadDepth {
public:
  static constexpr Nanoseconds ahead{2'000'000};
  static constexpr std::int64_t least = 2;  ///< one lands while the next is on its way

  explicit ReadDepth(std::int64_t most) : most_(std::max(most, least)) {}

  std::int64_t depth() const { return depth_; }

  void posted(Instant now, std::int64_t reads) {
    if (reads == 0) return;
    if (outstanding_ == 0) since_ = now;
    posted_.push_back({now, reads, outstanding_ == 0});
    outstanding_ += reads;
  }

  /// `ok`: of those, how many have landed.
  void completed(Instant now, std::int64_t reads, std::int64_t ok) {
    if (reads > 0 && ok > 0) took(now - posted_.front().at, posted_.front().alone);
    forget(reads);
    busy_ += now - since_;
    since_ = now;
    outstanding_ -= reads;
    landed_ += static_cast<double>(ok);
    if (busy_ < std::max(look, 2 * alone_) || ok == 0) return;  // answers may come in bursts
    const double pace = landed_ / static_cast<double>(busy_.count());
    const double wanted = std::ceil(pace * static_cast<double>((ahead + alone_).count()));
    depth_ = std::clamp(static_cast<std::int64_t>(std::min(wanted, 1e9)), least, most_);
    busy_ /= 2;  // what was long ago counts less
    landed_ /= 2;
  }

private:
  static constexpr Nanoseconds look{1'000'000};
  static constexpr std::int64_t inertia = 8;

  struct Posting {
    Instant at{};
    std::int64_t reads = 0;
    bool alone = false;  ///< nothing was outstanding; so of its first read only
  };

  /// The least that was seen. Only a read that had nothing before it says that it has become more.
  void took(Nanoseconds time, bool alone) {
    if (!seen_ || time < alone_) {
      alone_ = time;
    } else if (alone) {
      alone_ += (time - alone_) / inertia;
    }
    seen_ = true;
  }

  /// The oldest reads have come back.
  void forget(std::int64_t reads) {
    while (reads > 0) {
      Posting& oldest = posted_.front();
      const std::int64_t of_it = std::min(reads, oldest.reads);
      oldest.reads -= of_it;
      oldest.alone = false;
      reads -= of_it;
      if (oldest.reads == 0) posted_.pop_front();
    }
  }

  std::int64_t most_;
  std::int64_t depth_ = least;
  std::deque<Posting> posted_;  ///< reads come back in this order
  std::int64_t outstanding_ = 0;
  Instant since_{};
  Nanoseconds busy_{0};   ///< with reads outstanding
  double landed_ = 0;     ///< in that time
  Nanoseconds alone_{0};  ///< what a read takes if none is before it
  bool seen_ = false;
};

}  // namespace calvo::realrun
