// Faults of storage nodes as YAML.
#pragma once

#include <cstdint>
#include <vector>

#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::scenarios {

/// The list at "faults"; `nodes` is how many storage nodes there are. Two faults of one kind on one
/// node may not overlap.
void read_faults(const YamlSection& root, std::int32_t nodes, std::vector<Fault>& faults);
void write_faults(FieldWriter& io, const std::vector<Fault>& faults);

}  // namespace calvo::scenarios
