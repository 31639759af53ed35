// The options that `calvo whatif` and `calvo size` have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "analysis/text_table.hpp"

namespace calvo::cli {

struct SearchOptions {
  std::string scenario;
  std::string engine;  ///< empty: the scenario's
  int seeds = 0;       ///< of each that is simulated: 1 to this
  int jobs = 0;        ///< 0: one a core
  std::string directory;
  bool resume = false;
  bool force = false;
  std::string format = "text";
  bool json = false;
  bool quiet = false;
};

/// Adds them to `command`, all but SCENARIO. `each`: what is simulated with each seed, "change".
/// `options` outlives it; its seeds are the default.
void add_search_options(CLI::App& command, SearchOptions& options, const std::string& each);

/// 1 to options.seeds.
std::vector<std::uint64_t> seeds_of(const SearchOptions& options);

}  // namespace calvo::cli
