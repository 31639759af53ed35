#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/environment.hpp"
#include "analysis/output_file.hpp"
#include "analysis/run_directory.hpp"
#include "cli/progress_line.hpp"
#include "core/run_result.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::cli {

struct RunOneOptions {
  std::string command;    ///< as it was typed, for environment.json
  std::string directory;  ///< where to put the run
  analysis::Taken taken = analysis::Taken::refuse;
  ProgressLine::Wanted progress = ProgressLine::Wanted::yes;
};

struct FinishedRun {
  std::string directory;  ///< empty: there was no room for one
  analysis::Summary summary;
  bool interrupted = false;  ///< a signal ended it; a time limit is no interruption
  std::string unwritten;     ///< the first file that could not be written and why; empty: all were
};

/// Tells what could not be written, and returns the exit code of the run.
int told_end(const FinishedRun& run);

/// The event log of a run that is under way. A disk that fills up costs the log, not the run.
class EventLogFile {
public:
  explicit EventLogFile(analysis::RunDirectoryWriter& directory);
  void write(std::span<const std::byte> bytes);
  void close();

private:
  void attempt(const std::function<void()>& work);

  analysis::RunDirectoryWriter& directory_;
  std::optional<analysis::OutputFile> file_;
  bool dropped_ = false;
};

/// From now on SIGINT and SIGTERM end the simulation or real run under way, or the next one, early.
void listen_to_signals();
/// Whether one of them has come.
bool signalled();
/// Ends the next simulation early, as a signal would that came already.
void want_stop();

/// Simulates and writes the run directory. SIGINT and SIGTERM end the simulation early; the
/// directory is then written all the same and marked incomplete. A second one kills. Once in a
/// process. Throws InputError if the directory cannot be written.
FinishedRun run_one(scenarios::Scenario& scenario, const RunOneOptions& options);

/// What is told of a run besides its result.
struct RunStory {
  analysis::Environment environment;
  nlohmann::ordered_json load;        ///< "load" of summary.json; null: none
  std::vector<std::string> warnings;  ///< more of them
};

/// Of this program, machine and process. The times are of the run itself.
analysis::Environment environment_of(const std::string& command, double wall_s, double cpu_s,
                                     const RunResult& result);

analysis::Summary summary_of(const scenarios::Scenario& scenario, const RunResult& result);

/// Writes all files of a run but its event log, and moves the directory to its place. A file that
/// cannot be written is left out, and told in `unwritten`.
FinishedRun write_run(analysis::RunDirectoryWriter& directory, const scenarios::Scenario& scenario,
                      const RunResult& result, const RunStory& story);

}  // namespace calvo::cli
