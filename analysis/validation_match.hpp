// Which prediction belongs to which measurements, and whether they are of the same work.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "analysis/validation_input.hpp"

namespace calvo::analysis {

/// Hit ratios of a cell's runs that are farther apart than this come of other contents of the pool.
inline constexpr double most_hit_difference = 0.05;

/// Shares of requests that completed which are farther apart than this leave other requests to
/// take latencies of.
inline constexpr double most_completed_difference = 0.01;

/// A real run that no number rests on.
struct DiscardedRun {
  std::string directory;
  std::string reason;

  friend bool operator==(const DiscardedRun&, const DiscardedRun&) = default;
};

using RowsById = std::map<std::uint64_t, const RequestRow*>;

/// One engine on one scenario: its simulated run and its real ones.
struct MatchedCell {
  std::string scenario;
  std::string engine;
  const ValidationRun* prediction = nullptr;
  std::vector<const ValidationRun*> repeats;  ///< valid ones, by name of directory; may be empty
  std::vector<DiscardedRun> discarded;
  /// Counted requests: those that the simulated run has measured and every repeat has. First of
  /// the simulated run, then of each repeat; the same ids in all of them.
  std::vector<RowsById> rows;
};

struct Matched {
  std::vector<MatchedCell> cells;     ///< in order of their first directory
  std::vector<std::string> warnings;  ///< what limits the comparison, with the directories
};

/// Pairs runs by names of scenario and engine. Keeps pointers into `runs`.
/// Throws InputError, with the directory as its place, for a directory named twice, a cell without
/// exactly one simulated and at least one real run, a simulated run that is not complete, and runs
/// of a cell whose seed, warm-up, TPOT objective or requests are not the same.
Matched match_runs(std::span<const ValidationRun> runs);

}  // namespace calvo::analysis
