// summary.json: a Summary under the names that `vllm bench serve` uses, where it has one.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "analysis/summary.hpp"

namespace calvo::analysis {

/// What `schema_version` of summary.json says. It grows when a field is removed or comes to mean
/// something else; a summary without it is of version 1.
inline constexpr int summary_schema = 1;

/// Keys in a fixed order, numbers in their shortest exact form: the same summary, the same bytes.
/// A statistic of nothing is null.
nlohmann::ordered_json to_json(const Summary& summary);

/// Reads `text` back. Throws InputError, with `file` as its place, if it is no such summary or of
/// another version.
Summary summary_from_json(const std::string& text, const std::string& file);

}  // namespace calvo::analysis
