#include "report/occupancy_file.hpp"

#include <charconv>
#include <string_view>

#include "core/gzip_lines.hpp"

namespace calvo::report {
namespace {

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t from = 0;;) {
    const std::size_t comma = line.find(',', from);
    cells.push_back(line.substr(from, comma - from));
    if (comma == std::string_view::npos) return cells;
    from = comma + 1;
  }
}

double number(const LineReader& reader, std::string_view cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) {
    throw InputError(reader.pos(static_cast<std::size_t>(cell.data() - reader.line().data())), "",
                     "\"" + std::string(cell) + "\" is not a number; run the scenario again");
  }
  return value;
}

}  // namespace

Occupancy read_occupancy(const std::string& path) {
  LineReader reader(path);
  Occupancy occupancy;
  if (!reader.next() || !reader.line().starts_with("from_s,to_s")) {
    throw InputError({path, 1, 1}, "", "is no occupancy table that `calvo run` wrote");
  }
  const auto header = cells_of(reader.line());
  for (std::size_t i = 2; i < header.size(); ++i) {
    occupancy.tiers.push_back({std::string(header[i]), {}});
  }
  while (reader.next()) {
    const auto cells = cells_of(reader.line());
    if (cells.size() != occupancy.tiers.size() + 2) {
      throw InputError(reader.pos(), "",
                       "a row of " + std::to_string(occupancy.tiers.size() + 2) +
                           " cells is expected; run the scenario again");
    }
    if (occupancy.interval_s == 0) {
      occupancy.interval_s = number(reader, cells[1]) - number(reader, cells[0]);
    }
    for (std::size_t i = 0; i < occupancy.tiers.size(); ++i) {
      occupancy.tiers[i].shares.push_back(number(reader, cells[i + 2]));
    }
  }
  return occupancy;
}

}  // namespace calvo::report
