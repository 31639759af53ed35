// Simulating what `calvo whatif` and `calvo size` ask for: sweeps of one scenario, one after the
// other.
#pragma once

#include <memory>
#include <string>

#include "cli/search_options.hpp"
#include "cli/sweep_directory.hpp"
#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// Keeps points as a sweep does, in the directory that --out names; without it, in one that is gone
/// when this is. The name of a point is a hash of all that it is, so that one directory serves
/// every search of a scenario. Requires: hold_signals() was called.
class SearchWork {
public:
  /// `options` outlives it. `scenario`: what all sweeps have in common, without their points and
  /// seeds; a directory that was begun with another is refused. Throws InputError as
  /// SweepDirectory does, or if there is no room for files that are under way.
  SearchWork(const SearchOptions& options, sweeps::SweepFile scenario);
  ~SearchWork();
  SearchWork(const SearchWork&) = delete;
  SearchWork& operator=(const SearchWork&) = delete;

  /// Simulates what the schedule wants and is not there yet. Returns whether it was interrupted.
  /// Throws InputError if points cannot be written.
  bool run(sweeps::Schedule& schedule);

  /// Says that it was interrupted, after `done` ("3 of 40 simulations were done"), and what is
  /// kept. Returns the exit code.
  int told_interruption(const std::string& done) const;

private:
  class PassingFolder;

  const SearchOptions& options_;
  std::unique_ptr<PassingFolder> passing_;  ///< null: it is to stay
  std::unique_ptr<SweepDirectory> directory_;
};

}  // namespace calvo::cli
