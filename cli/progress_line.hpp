#pragma once

#include "sim/simulate.hpp"

namespace calvo::cli {

/// One line on the standard error that says how far a simulation is, drawn over itself. Does
/// nothing where that is no terminal. Erases itself at the end.
class ProgressLine {
public:
  enum class Wanted { yes, no };

  explicit ProgressLine(Wanted wanted);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Draws at most five times a second.
  void show(const sim::Progress& progress);

private:
  bool active_;
  bool drawn_ = false;
  double start_;
  double next_;
};

}  // namespace calvo::cli
