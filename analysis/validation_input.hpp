// A run directory as a validation needs it: predicted or measured, on what, and was the load right?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/run_directory.hpp"

namespace calvo::analysis {

/// What executed the commands of a run.
enum class Driver { sim, realrun };

/// What a real run says of its load generator; parts that it does not say are none.
struct LoadQuality {
  std::optional<double> lateness_p99_s;  ///< requests were sent this much after their date
  std::optional<double> spare_cpu_busy;  ///< share of the time in which the spare core was busy
  std::int64_t nodes_lost = 0;           ///< storage nodes that it lost, for a time or for good
  std::int64_t corrupt_blocks = 0;
  std::int64_t reconnects = 0;      ///< connections to storage nodes that were made anew
  std::vector<std::string> faults;  ///< scripts that its storage nodes were given on purpose
};

struct ValidationRun {
  RunDirectory run;
  Driver driver = Driver::sim;
  std::string fabric;  ///< empty where the run does not say, as below
  std::string device;
  std::string host;
  LoadQuality load;
};

/// Reads a directory that `calvo run` or `calvo realrun` wrote. Throws InputError as
/// read_run_directory does, and if environment.json does not say which of the two it was.
ValidationRun read_validation_run(const std::string& path);

}  // namespace calvo::analysis
