#pragma once

#include "sweeps/plan.hpp"

namespace calvo::sweeps {

/// Finds what loading a point would refuse, before the first is simulated: the scenario of each
/// cell and of both ends of each search, with the first seed. Throws InputError that names the
/// cell. Cost: that of reading the cells, and of one workload for each that differs.
void check_cells(const Plan& plan);

}  // namespace calvo::sweeps
