// Which points of a sweep are to be simulated next, given what the others came to.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analysis/sweep_table.hpp"
#include "sweeps/plan.hpp"
#include "sweeps/rate_search.hpp"
#include "sweeps/stopping.hpp"

namespace calvo::sweeps {

struct Failure {
  std::string error;  ///< what the point said
};
using PointOutcome = std::variant<analysis::PointResult, Failure>;

struct Job {
  const Cell* cell = nullptr;  ///< lives as long as the schedule
  std::uint64_t seed = 0;

  std::string point() const { return cell->point(seed); }
};

/// What `until` came to for a cell.
struct Stopped {
  int looks = 0;
  double level = 0.95;
  bool reached = false;  ///< narrow enough
};

/// A cell and its points.
struct CellRecord {
  const Cell* cell = nullptr;
  std::vector<std::uint64_t> seeds;  ///< that were asked for
  std::optional<Stopped> stopped;
  std::optional<std::size_t> group;  ///< of a search
};

/// Pure: the same outcomes give the same demands, in whatever order they come.
class Schedule {
public:
  /// `plan` outlives it.
  explicit Schedule(const Plan& plan);
  ~Schedule();

  /// Points that have become wanted since the last call, in order; each is given out once.
  std::vector<Job> take();
  /// Requires: the point was given out and is not recorded yet.
  void record(const std::string& point, PointOutcome outcome);
  /// Whether every point that is wanted is recorded.
  bool finished() const { return pending_.empty() && fresh_.empty(); }

  std::size_t recorded() const { return outcomes_.size(); }
  std::size_t failed() const { return failed_; }
  /// Points that searches and `until` may still ask for, at most.
  std::size_t may_follow() const;
  /// Points that are wanted and not recorded.
  std::size_t open() const { return pending_.size() + fresh_.size(); }

  const Plan& plan() const { return plan_; }
  /// Cells of the grid in its order, then those of each search by rate.
  std::vector<CellRecord> cells() const;
  /// None if the point is not recorded.
  const PointOutcome* outcome(const std::string& point) const;

private:
  class Task;
  class GridTask;
  class SearchTask;
  struct Waiting {
    std::vector<Task*> tasks;
  };

  void want(Task& task, const Cell& cell, std::uint64_t seed);
  void settle();
  /// Values of a metric over seeds; nothing for those that failed.
  std::vector<double> values(const Cell& cell, const std::vector<std::uint64_t>& seeds,
                             const std::string& metric) const;

  const Plan& plan_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<Task*> ready_;  ///< whose points are all recorded
  std::vector<Job> fresh_;
  std::map<std::string, Waiting> pending_;
  std::map<std::string, PointOutcome> outcomes_;
  std::size_t failed_ = 0;
};

}  // namespace calvo::sweeps
