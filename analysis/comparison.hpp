// Runs side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/run_directory.hpp"
#include "analysis/text_table.hpp"

namespace calvo::analysis {

/// Mean of (TTFT here - TTFT in the first run) over the requests that have one in both. The
/// interval resamples whole sessions, because a session's requests wait for one another.
struct PairedDifference {
  std::int64_t pairs = 0;
  double mean_ms = 0;
  Interval ci95_ms;
};

struct ComparedRun {
  std::string name;  ///< the engine, or the directory where that would not tell them apart
  RunDirectory run;
  std::optional<PairedDifference> ttft_vs_first;  ///< none for the first and for other workloads
};

struct Comparison {
  std::vector<ComparedRun> runs;
  std::vector<std::string> warnings;  ///< what makes these runs not comparable
};

/// Requires: at least one run.
Comparison compare(std::vector<RunDirectory> runs);

/// A table for people; ends with a newline.
std::string to_text(const Comparison& comparison, TableFormat format = TableFormat::text);
nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace calvo::analysis
