// A run directory: what a run leaves on disk. It appears whole or not at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/requests_csv.hpp"
#include "analysis/summary.hpp"
#include "core/input_error.hpp"

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
  /// Throws Unwritable now, not after the run, if `directory` cannot be written, is taken and must
  /// not be replaced, or is being written by another writer of this or any other process, unless
  /// it may take the next name.
  RunDirectoryWriter(std::string directory, Taken taken);
  ~RunDirectoryWriter();
  RunDirectoryWriter(const RunDirectoryWriter&) = delete;
  RunDirectoryWriter& operator=(const RunDirectoryWriter&) = delete;

  /// Where to write the file called `name`.
  std::string file(const std::string& name);
  /// Has `write` make the file called `name` at the place that it is given. If that throws
  /// InputError (the disk is full), the file is dropped and false returned: the others may fit.
  bool add(const std::string& name, const std::function<void(const std::string&)>& write);
  /// Removes what there is of the file called `name`, which `error` is about.
  void drop(const std::string& name, const InputError& error);
  /// What was said of the first file that was dropped; empty if there is none.
  const std::string& problem() const { return problem_; }

  /// Moves everything to its final place and returns that. If it cannot, it throws Unwritable that
  /// says where everything is.
  std::string commit();

private:
  void check_free() const;
  void claim();
  void give_up();

  std::string directory_;
  Taken taken_;
  std::string partial_;
  std::string problem_;
  std::vector<std::string> made_;  ///< folders around it that were not there, inner ones first
  int claim_ = -1;                 ///< held while the run is made: a lock on partial_
};

/// Where a writer that may not take another name collects the files of `directory`.
std::string partial_place(const std::string& directory);

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
