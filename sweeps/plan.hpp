// What a sweep simulates: its cells, each with the settings that make it of the scenario.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/sweep_table.hpp"
#include "sweeps/sweep_file.hpp"

namespace calvo::sweeps {

/// All points that differ in the seed only.
struct Cell {
  std::string id;      ///< a hash of the resolved scenario without its seed
  std::string name;    ///< for people
  std::string engine;  ///< its name, with its changes
  analysis::PointKind kind = analysis::PointKind::grid;
  std::vector<scenarios::Setting> settings;  ///< over the scenario
  std::vector<std::string> texts;            ///< as Plan::columns; empty: not set
  std::optional<double> rate;                ///< in the unit of Plan::rate_unit
  traces::WorkloadKind workload{};
  std::size_t index = 0;   ///< in Plan::grid(), or of a search's group
  double search_rate = 0;  ///< search: in the unit of the search

  std::string point(std::uint64_t seed) const { return id + "-" + std::to_string(seed); }
};

/// Cells that differ in the rate only, and whose largest good rate is wanted.
struct RateGroup {
  std::string engine;
  std::vector<scenarios::Setting> settings;  ///< without the rate
  std::vector<std::string> texts;            ///< as Plan::columns, empty at the rate
  std::vector<std::size_t> grid;             ///< cells of the grid, by rate; none for a search
};

class Plan {
public:
  /// Reads every key of every cell (check_cells() finds the rest). Throws InputError; its place is
  /// in the sweep file where the fault is there.
  explicit Plan(SweepFile file, scenarios::SearchPath search = scenarios::default_search_path());

  const SweepFile& file() const { return file_; }
  const scenarios::SearchPath& search() const { return search_; }
  const std::vector<std::uint64_t>& seeds() const { return seeds_; }
  /// Keys that have a column.
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<Cell>& grid() const { return grid_; }
  const std::vector<RateGroup>& groups() const { return groups_; }
  const std::vector<std::string>& engines() const { return engines_; }
  /// The key whose value is a rate; empty if there is none.
  const std::string& rate_key() const { return rate_key_; }
  /// "/s", or "" for a factor.
  const std::string& rate_unit() const { return rate_unit_; }

  /// The cell of groups()[group] at `rate`, in the unit of the search.
  Cell cell_at(std::size_t group, double rate) const;

  /// A hash of all that decides what the sweep comes to.
  std::string identity() const;

  /// How a point of this cell is loaded.
  scenarios::LoadOptions load_options(const Cell& cell, std::uint64_t seed) const;

private:
  void name_columns();
  void find_rate_key();
  std::vector<Cell> combine() const;
  std::string cell_name(const Cell& cell) const;
  void resolve(Cell& cell) const;
  void refuse_twins() const;
  void refuse_without_rate(const std::vector<Cell>& cells) const;
  void group_by_rate(const std::vector<Cell>& cells);

  SweepFile file_;
  scenarios::SearchPath search_;
  std::vector<std::uint64_t> seeds_;
  std::vector<std::string> columns_;
  std::string rate_key_;
  std::string rate_unit_;
  std::vector<Cell> grid_;
  std::vector<RateGroup> groups_;
  std::vector<std::string> engines_;
};

}  // namespace calvo::sweeps
