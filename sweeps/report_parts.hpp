// Means and intervals as the tables and the JSON of searches have them.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "analysis/mean_interval.hpp"
#include "analysis/text_table.hpp"

namespace calvo::sweeps {

enum class Sign { where_negative, always };

/// One decimal; what rounds to nothing has no sign.
std::string decimal(double value, Sign sign = Sign::where_negative);

/// "[60.6, 83.7]", both ends times `unit`; "-" if there is none.
std::string interval_text(const std::optional<analysis::Interval>& interval, double unit,
                          Sign sign = Sign::where_negative);

/// In full, for programs; empty if there is none.
std::string full(const std::optional<double>& value);
void append_full(analysis::TextTable::Row& row, const std::optional<analysis::Interval>& interval);

/// None: no run had a value.
std::optional<double> known_mean(const analysis::MeanInterval& mean);

/// A number or null; [low, high] or null.
nlohmann::ordered_json json_of(const std::optional<double>& value);
nlohmann::ordered_json json_of(const std::optional<analysis::Interval>& interval);

}  // namespace calvo::sweeps
