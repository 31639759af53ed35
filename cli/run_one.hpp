#pragma once

#include <string>

#include "analysis/run_directory.hpp"
#include "cli/progress_line.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::cli {

struct RunOneOptions {
  std::string command;    ///< as it was typed, for environment.json
  std::string directory;  ///< where to put the run
  analysis::Taken taken = analysis::Taken::refuse;
  ProgressLine::Wanted progress = ProgressLine::Wanted::yes;
};

struct FinishedRun {
  std::string directory;
  analysis::Summary summary;
  bool interrupted = false;  ///< a signal ended it; a time limit is no interruption
};

/// From now on SIGINT and SIGTERM end the simulation under way, or the next one, early.
void listen_to_signals();
/// Ends the next simulation early, as a signal would that came already.
void want_stop();

/// Simulates and writes the run directory. SIGINT and SIGTERM end the simulation early; the
/// directory is then written all the same and marked incomplete. A second one kills. Once in a
/// process. Throws InputError if the directory cannot be written.
FinishedRun run_one(scenarios::Scenario& scenario, const RunOneOptions& options);

}  // namespace calvo::cli
