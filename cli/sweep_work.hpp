// Simulating what a schedule wants, in as many processes at a time as there is room for.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/sweep_pool.hpp"
#include "cli/sweep_progress.hpp"
#include "sweeps/schedule.hpp"

namespace calvo::cli {

/// How the work ended.
struct Ended {
  bool interrupted = false;
  std::string unwritable;  ///< why points could not be written; empty: they could
};

/// What is known of points, and where failures are told.
struct PointRecords {
  std::function<std::optional<analysis::PointResult>(const std::string& point)> find;
  std::function<void(const sweeps::Job& job, const std::string& text)> add_failure;
};

/// Simulates what the schedule wants until nothing is wanted or somebody stops it.
Ended work(sweeps::Schedule& schedule, const PointRecords& records, PointPool& pool,
           SweepProgress& progress);

/// One a core, where `jobs` is 0.
int slots_for(int jobs);

}  // namespace calvo::cli
