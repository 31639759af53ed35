#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/summary.hpp"
#include "realrun/engine/realrun.hpp"

namespace calvo::cli {

/// "load" of summary.json: how well the load was generated, and what a real run cost beside its
/// work. docs/runner.md names each.
nlohmann::ordered_json to_json(const realrun::LoadReport& load);

/// The same for people, a few lines.
std::string to_text(const realrun::LoadReport& load);

/// Why the times of this run should not be quoted; empty: nothing is known against them.
std::vector<std::string> load_warnings(const realrun::LoadReport& load,
                                       const analysis::Summary& summary);

}  // namespace calvo::cli
