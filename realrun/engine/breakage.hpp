#pragma once

#include <string>
#include <vector>

#include "realrun/engine/realrun.hpp"

namespace calvo::realrun {

/// What went wrong between a run and its storage nodes, a sentence each: its times are not those of
/// a sound testbed. Empty: nothing is known.
std::vector<std::string> breakage(const LoadReport& load);

}  // namespace calvo::realrun
