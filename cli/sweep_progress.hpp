// How far a sweep is, for people.
#pragma once

#include <cstddef>

#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// One line on the standard error, drawn over itself on a terminal, else written every 30 seconds.
class SweepProgress {
public:
  enum class Wanted { yes, no };
  SweepProgress(Wanted wanted, int slots);
  ~SweepProgress();
  SweepProgress(const SweepProgress&) = delete;
  SweepProgress& operator=(const SweepProgress&) = delete;

  /// A point took so long.
  void add(double seconds);
  /// Draws, if it is time to.
  void show(const sweeps::Schedule& schedule);

  /// Seconds that `points` more take at the mean time of those so far; 0: nothing is known yet.
  double left_s(std::size_t points) const;

private:
  bool wanted_;
  bool terminal_;
  bool drawn_ = false;
  int slots_;
  double next_;
  double seconds_ = 0;
  std::size_t count_ = 0;
};

}  // namespace calvo::cli
