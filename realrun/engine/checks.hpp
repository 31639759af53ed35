#pragma once

#include "realrun/engine/realrun.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

/// Throws InputError for what a scenario asks that a real run cannot give, and for options that do
/// not fit it.
void check_scenario(const scenarios::Scenario& scenario, const RealrunOptions& options);

}  // namespace calvo::realrun
