// One point of a sweep.
#pragma once

#include <string>

#include "sweeps/schedule.hpp"

namespace calvo::cli {

enum class PointPhase { simulating, writing };

/// Loads, simulates and writes a point, as `plan` keeps it; `directory` appears whole or not at
/// all. Once in a process. Returns what its summary.json holds. Throws InputError; `phase` then
/// says whether the point was at fault or the place to write it to.
std::string run_point(const sweeps::Plan& plan, const sweeps::Job& job,
                      const std::string& directory, PointPhase& phase);

}  // namespace calvo::cli
