// A small sweep, and what lies in the directory that one leaves.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "tests/cli/program.hpp"

namespace calvo::testing {

/// Two engines, two rates, three seeds of a tenth of a second each, of the scenario s.yaml.
inline constexpr const char* small_sweep = R"(scenario: s.yaml
engines: [vllm_sync, calvo]
seeds: 3
axes: {workload.synthetic.arrival.rate: [1 /s, 4 /s]}
)";
/// Writes s.yaml and w.yaml: the small sweep and `more`.
void write_small(const Workplace& here, const std::string& more = "");

/// Empty if there is no such folder.
std::set<std::string> names_in(const std::filesystem::path& folder);
/// Points that have landed: not those that are being written.
std::set<std::string> landed_in(const std::filesystem::path& folder);
std::string slurp(const std::filesystem::path& path);
/// Every file of a sweep but environment.json, with its content.
std::map<std::string, std::string> content_of(const std::filesystem::path& sweep);

}  // namespace calvo::testing
