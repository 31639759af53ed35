// What `calvo size` found, as tables and JSON.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "analysis/text_table.hpp"
#include "sweeps/sizing.hpp"

namespace calvo::sweeps {

/// CSV: a row for each combination that was simulated, by price.
std::string to_text(const Sizing& sizing, analysis::TableFormat format);
nlohmann::ordered_json to_json(const Sizing& sizing);

/// "meets", "misses", "impossible"
std::string_view name_of(CheapestSearch::Answer answer);

}  // namespace calvo::sweeps
