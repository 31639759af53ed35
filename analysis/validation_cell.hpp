// The numbers of one engine on one scenario.
#pragma once

#include <optional>
#include <vector>

#include "analysis/validation.hpp"

namespace calvo::analysis {

/// The same quantity in each bootstrap resample of the real runs; draws of two cells are
/// independent.
struct CellDraws {
  std::vector<double> ttft_mean_ms;
  std::vector<double> attainment;  ///< at the scenario's own deadlines; empty if there are none
};

struct MeasuredCell {
  Measures measures;
  CellDraws draws;  ///< empty with a single repeat
};

/// Requires: the cell has a valid repeat. Throws InputError for a run in which no counted request
/// completed.
MeasuredCell measure_cell(const MatchedCell& cell);

/// `simulated` against `real`, which is `draws` in resamples and `singles` in single repeats; with
/// one repeat there is no interval and no spread. `relative` as Residual::error of TTFTs.
enum class ErrorKind { relative, difference };
Residual residual(double simulated, double real, const std::vector<double>& draws,
                  const std::vector<double>& singles, ErrorKind kind);

}  // namespace calvo::analysis
