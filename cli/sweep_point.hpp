// One point of a sweep.
#pragma once

#include <string>

#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// Loads, simulates and writes a point, as `plan` keeps it; `directory` appears whole or not at
/// all. Once in a process. Returns what its summary.json holds. Throws Unwritable if the place is
/// at fault, another InputError if the point is.
std::string run_point(const sweeps::Plan& plan, const sweeps::Job& job,
                      const std::string& directory);

}  // namespace calvo::cli
