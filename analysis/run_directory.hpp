// A run directory: what a run leaves on disk. It appears whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "analysis/requests_csv.hpp"
#include "analysis/summary.hpp"

namespace calvo::analysis {

/// What to do where the name of a run directory is taken.
///   refuse      throw
///   replace     put the new run in place of an old one, but never of anything else
///   next_free   append -2, -3, ... to the name
enum class Taken { refuse, replace, next_free };

/// Collects the files of a run beside its final place and moves them there at once. Dropped before
/// commit(), it leaves nothing behind.
class RunDirectoryWriter {
public:
  /// Throws InputError now, not after the run, if `directory` is taken and must not be replaced.
  RunDirectoryWriter(std::string directory, Taken taken);
  ~RunDirectoryWriter();
  RunDirectoryWriter(const RunDirectoryWriter&) = delete;
  RunDirectoryWriter& operator=(const RunDirectoryWriter&) = delete;

  /// Where to write the file called `name`. Throws InputError if there is no place for it.
  std::string file(const std::string& name);

  /// Moves everything to its final place and returns that.
  std::string commit();

private:
  std::string directory_;
  Taken taken_;
  std::string partial_;
  bool begun_ = false;
};

/// Files of every run directory.
inline constexpr const char* summary_file = "summary.json";
inline constexpr const char* requests_file = "requests.csv";
inline constexpr const char* timeline_file = "timeline.json";
inline constexpr const char* occupancy_file = "occupancy.csv";
inline constexpr const char* scenario_file = "scenario.resolved.yaml";
inline constexpr const char* environment_file = "environment.json";
inline constexpr const char* events_file = "events.bin";

struct RunDirectory {
  std::string path;
  Summary summary;
  std::vector<RequestRow> requests;
};

/// Throws InputError if `path` is no run directory or a file of it is missing or damaged.
RunDirectory read_run_directory(const std::string& path);

}  // namespace calvo::analysis
