#pragma once

#include "core/yaml_tree.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::scenarios {

/// If the scenario names a `calibration` file, what was measured takes the place of what it says of
/// the machines: `hardware` and `truth` as a whole, `topology.round_trip`, and
/// `every_engine.costs`. The key goes. Throws InputError if the file is missing or holds anything
/// else. Returns whether there was one.
bool lay_calibration(YamlNode& root, const SearchPath& search);

}  // namespace calvo::scenarios
