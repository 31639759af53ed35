// A sweep as its file says it. docs/sweep.md has every key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/load.hpp"

namespace calvo::sweeps {

/// A key of the scenario and the values that it takes, one after the other.
struct Axis {
  std::string key;  ///< dotted path
  YamlNode place;   ///< where the key stands
  std::vector<YamlNode> values;
};

/// Files of a point that are kept besides summary.json.
struct Keep {
  bool requests = false;
  bool scenario = false;
  bool timeline = false;
  bool events = false;
  bool environment = false;
};

/// More seeds for each cell of the grid until the interval of `metric` is narrow enough. Exactly
/// one of the two half widths is above 0.
struct Until {
  std::string metric;
  double half_width = 0;           ///< in the unit of the metric
  double relative_half_width = 0;  ///< share of its mean
  int max_seeds = 0;
};

/// The target of rates, and where to look for them.
struct Goodput {
  bool wanted = false;  ///< the file asks for it
  double attainment = 0.9;
  /// A search; none: rates are read off the grid.
  struct Search {
    std::string rate_key;
    YamlNode place;        ///< of the key, for errors
    double from = 0;       ///< in `unit`, above 0
    double to = 0;         ///< above `from`
    std::string unit;      ///< as it is written, may be empty
    double tolerance = 0;  ///< the result is known to this share of itself
  };
  std::optional<Search> search;
};

struct SweepFile {
  std::string path;  ///< as the user named it
  std::string text;  ///< as it was read
  std::string name;
  std::string description;
  std::string scenario;       ///< as the file says it
  std::string scenario_path;  ///< where it was found
  std::string scenario_text;
  std::vector<scenarios::Setting> set;
  std::vector<YamlNode> engines;     ///< empty: the scenario's own
  std::vector<std::uint64_t> seeds;  ///< empty: the scenario's own
  std::vector<std::vector<scenarios::Setting>> points;
  std::vector<Axis> axes;
  Keep keep;
  std::optional<Until> until;
  Goodput goodput;
  scenarios::DeadlineMachines deadlines = scenarios::DeadlineMachines::own;
};

/// Keys that are taken for a rate where the file does not name one.
inline constexpr std::string_view rate_keys[] = {"workload.synthetic.arrival.rate",
                                                 "workload.trace.open.rate_scale"};
/// The workloads that have them.
inline constexpr traces::WorkloadKind rate_workloads[] = {traces::WorkloadKind::synthetic,
                                                          traces::WorkloadKind::trace};

/// The text of a YAML file. Throws InputError as read_yaml_file does.
std::string read_text(const std::string& path);

/// Throws InputError for everything that can be wrong without a look into the scenario.
SweepFile read_sweep_file(const std::string& path,
                          const scenarios::SearchPath& search = scenarios::default_search_path());
SweepFile read_sweep_text(const std::string& text, const std::string& path,
                          const scenarios::SearchPath& search = scenarios::default_search_path());

}  // namespace calvo::sweeps
