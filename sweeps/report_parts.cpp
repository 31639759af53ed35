#include "sweeps/report_parts.hpp"

#include <cmath>

#include <fmt/format.h>

namespace calvo::sweeps {

using analysis::Interval;
using Json = nlohmann::ordered_json;

std::string decimal(double value, Sign sign) {
  if (std::abs(value) < 0.05) return "0.0";
  return sign == Sign::always ? fmt::format("{:+.1f}", value) : fmt::format("{:.1f}", value);
}

std::string interval_text(const std::optional<Interval>& interval, double unit, Sign sign) {
  if (!interval) return "-";
  return fmt::format("[{}, {}]", decimal(unit * interval->low, sign),
                     decimal(unit * interval->high, sign));
}

std::string full(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

void append_full(analysis::TextTable::Row& row, const std::optional<Interval>& interval) {
  row.push_back(interval ? full(interval->low) : "");
  row.push_back(interval ? full(interval->high) : "");
}

std::optional<double> known_mean(const analysis::MeanInterval& mean) {
  return mean.count > 0 ? std::optional(mean.mean) : std::nullopt;
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

}  // namespace calvo::sweeps
