#pragma once

#include "sim/simulate.hpp"

namespace calvo::cli {

/// One line on the standard error that says how far a run is, drawn over itself. Does
/// nothing where that is no terminal. Erases itself at the end.
class ProgressLine {
public:
  enum class Wanted { yes, no };

  /// `time`: what the seconds of a run are, e.g. "simulated".
  explicit ProgressLine(Wanted wanted, const char* time = "simulated");
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Draws at most five times a second.
  void show(const sim::Progress& progress);

private:
  bool active_;
  const char* time_;
  bool drawn_ = false;
  double start_;
  double next_;
};

}  // namespace calvo::cli
