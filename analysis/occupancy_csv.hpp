#pragma once

#include <string>

#include "core/run_result.hpp"

namespace calvo::analysis {

/// occupancy.csv: a row for each interval of the run ("from_s,to_s", then a column for each memory
/// by its name), with the mean share of its capacity in use. Throws InputError.
void write_occupancy_csv(const std::string& path, const RunResult& run);

}  // namespace calvo::analysis
