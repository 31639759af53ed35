// What the changes of a what-if are worth, as tables and JSON.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "analysis/text_table.hpp"
#include "sweeps/what_if_ranking.hpp"

namespace calvo::sweeps {

/// The first `most` changes of each kind (0: all), and what the whole says. CSV: all of them,
/// numbers in full.
std::string to_text(const WhatIf& what_if, analysis::TableFormat format, std::size_t most);
nlohmann::ordered_json to_json(const WhatIf& what_if);

}  // namespace calvo::sweeps
