// A run directory, or a point of a sweep, with all that a report shows of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/run_directory.hpp"
#include "report/occupancy_file.hpp"
#include "report/timeline_reader.hpp"

namespace calvo::report {

/// Dotted keys of a scenario and their values, e.g. "engine.cut" -> "never".
using FlatScenario = std::map<std::string, std::string>;

struct RunSource {
  std::string name;  ///< of its directory, as the report calls it
  analysis::RunDirectory run;
  nlohmann::ordered_json summary;      ///< summary.json as it stands there
  nlohmann::ordered_json environment;  ///< null where a point of a sweep kept none
  bool real = false;                   ///< measured, not simulated
  std::string scenario;                ///< text of scenario.resolved.yaml; may be empty for a point
  FlatScenario settings;
  Timeline timeline;    ///< empty if the run wrote none
  Occupancy occupancy;  ///< likewise
};

/// Which files may be missing.
///   run     timeline.json and occupancy.csv, which a run can be told not to write
///   point   besides, scenario.resolved.yaml and environment.json: a sweep keeps what it is asked
///   to
enum class Kept { run, point };

/// Reads `directory`. Throws InputError if a file of it is missing or damaged.
RunSource read_run_source(const std::string& directory, Kept kept);

/// Throws InputError, with `file` as its place, if `text` is no YAML mapping.
FlatScenario flatten(const std::string& text, const std::string& file);

}  // namespace calvo::report
