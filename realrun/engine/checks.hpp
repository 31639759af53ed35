#pragma once

#include "realrun/engine/realrun.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

/// Throws InputError where the scenario's model or its number of storage nodes is not what these
/// parts of a testbed can be: devices, nodes, rails, cores.
void check_testbed(const scenarios::Scenario& scenario, const RealrunOptions& options);

/// Throws InputError for what a scenario asks that a real run cannot give, and for options that do
/// not fit it: all of the above, and what only a simulation can do.
void check_scenario(const scenarios::Scenario& scenario, const RealrunOptions& options);

}  // namespace calvo::realrun
