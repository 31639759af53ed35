#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/run_source.hpp"
#include "report/sweep_source.hpp"

namespace calvo::report {

/// All that a report is made from.
struct Sources {
  std::vector<RunSource> runs;  ///< those of run directories first, then points of sweeps
  std::vector<SweepSource> sweeps;
  std::vector<std::string> notes;  ///< what was left out, and why
};

/// Reads run directories, sweep directories, and directories that hold run directories (what
/// `calvo run --engines` writes), in the order named. Throws InputError for a directory that is
/// none of them, is named twice, or is damaged.
Sources read_sources(std::span<const std::string> directories);

}  // namespace calvo::report
