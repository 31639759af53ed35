// A sweep directory, as docs/sweep.md describes it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/run_source.hpp"

namespace calvo::report {

inline constexpr const char* sweep_file = "sweep.json";
inline constexpr int sweep_format = 1;

/// A point that kept its requests.
struct SweepPoint {
  std::string directory;
  FlatScenario settings;  ///< of its cell, as the sweep file writes them
};

struct SweepSource {
  std::string directory;
  nlohmann::ordered_json json;     ///< sweep.json
  std::vector<SweepPoint> points;  ///< by cell, then by seed
};

/// Throws InputError if sweep.json is damaged or of another format.
SweepSource read_sweep(const std::string& directory);

/// What is drawn along the horizontal axis: {key, unit, values: number by cell id}; the rate,
/// unless another number settles it, else the first axis of numbers that none before it settles,
/// else null.
nlohmann::ordered_json horizontal_axis(const SweepSource& sweep);

/// A point of the plots over the rate for each cell that has results. Throws InputError if the
/// file lacks what it should have.
nlohmann::ordered_json points_of(const SweepSource& sweep);

}  // namespace calvo::report
