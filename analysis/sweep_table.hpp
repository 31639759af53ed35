// sweep.csv: a row a simulated point of a sweep. docs/sweep.md names the columns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/summary.hpp"

namespace calvo::analysis {

/// Files of a sweep directory.
inline constexpr const char* sweep_table_file = "sweep.csv";
inline constexpr const char* sweep_index_file = "sweep.json";

/// Numbers of a summary that have a column, in the order of the columns.
std::span<const std::string_view> metric_names();
/// The position of `name` among them. Requires: it is there.
std::size_t metric_index(std::string_view name);
/// Where its mean can lie: shares from 0 to 1, all others from 0 on.
Interval possible_range(std::string_view metric);
/// Those that are told of a cell, with an interval over its seeds.
std::span<const std::string_view> cell_metric_names();

enum class PointKind : std::uint8_t { grid, search };

/// What a point came to.
struct PointResult {
  bool complete = true;
  std::vector<std::optional<double>> metrics;  ///< as metric_names()
  std::string bottleneck;

  std::optional<double> metric(std::string_view name) const { return metrics[metric_index(name)]; }
};
PointResult result_of(const Summary& summary);

struct SweepRow {
  std::string point;
  std::string cell;
  PointKind kind = PointKind::grid;
  std::string engine;
  std::uint64_t seed = 0;
  std::optional<double> rate;
  std::vector<std::string> settings;  ///< texts, as SweepTable::axes
  std::optional<PointResult> result;  ///< none: the point failed
};

struct SweepTable {
  std::vector<std::string> axes;  ///< keys of the scenario
  std::vector<SweepRow> rows;
};

std::string to_csv(const SweepTable& table);
/// Throws InputError for a file that is missing or is not such a table.
SweepTable read_sweep_table(const std::string& path);

}  // namespace calvo::analysis
