// What `calvo compare` is given: run directories, sweep directories, any mix.
#pragma once

#include <string>
#include <vector>

#include "analysis/group_comparison.hpp"
#include "analysis/run_directory.hpp"

namespace calvo::analysis {

/// True if `path` is the directory of a sweep.
bool is_sweep_directory(const std::string& path);

/// Whether there are several engines, and other seeds of one of them: then groups are compared,
/// else run by run.
bool has_repeats(const std::vector<RunDirectory>& runs);

/// Throws InputError if two of them are the same directory.
void refuse_named_twice(const std::vector<std::string>& directories);

/// Runs by engine and scenario (distinguishing_settings), points of sweeps by engine and settings.
/// Engines of one name in several sweeps, or simulated and real, are told apart. Throws InputError
/// for directories that cannot be read or hold nothing that is done, for two simulated runs of one
/// seed where one would count as another sample, being a copy or a repeat, and for two real runs of
/// an engine whose requests are the same to the byte. Other repeats of a real run do count.
std::vector<RunGroup> read_groups(const std::vector<std::string>& directories);

}  // namespace calvo::analysis
