#pragma once

#include <optional>
#include <string>

namespace calvo::analysis {

/// The first thing, in words, that two run directories' resolved scenarios say differently about
/// what must be the same in simulator and testbed: engine, routing, model, topology, block size,
/// memory, workload, objectives. Hardware and costs may differ, because they are what a calibration
/// puts there. None if nothing does, or if one of them has no scenario file.
std::optional<std::string> scenario_difference(const std::string& directory,
                                               const std::string& reference);

}  // namespace calvo::analysis
