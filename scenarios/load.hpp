// From a scenario file to a Scenario. docs/scenario.md says what may stand in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/expand.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::scenarios {

struct LoadOptions {
  std::vector<std::string> overrides;  ///< "a.b.c=value", applied in this order
  std::optional<std::uint64_t> seed;   ///< over the file's and the overrides'
  SearchPath search = default_search_path();
};

/// Reads, checks and resolves a scenario, its workload included. Throws InputError for everything
/// that the user can have got wrong; a part of an override is named "--set a.b.c=value" there.
Scenario load_scenario(const std::string& file, const LoadOptions& options = {});

/// The same of a text, as if it stood in `file`.
Scenario load_scenario_text(const std::string& text, const std::string& file,
                            const LoadOptions& options = {});

/// Every key that a scenario may have, as dotted paths, for one scenario's choices: what its reader
/// asked for. Reads the text only, no trace.
std::vector<std::string> known_keys(const std::string& text, const std::string& file,
                                    const LoadOptions& options = {});

}  // namespace calvo::scenarios
