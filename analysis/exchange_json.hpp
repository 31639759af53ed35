// A run in the JSON of other benchmarks, for the tools that read theirs. docs/metrics.md says where
// definitions differ.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "analysis/run_directory.hpp"

namespace calvo::analysis {

/// What the files of a run directory say of a run besides its numbers. May be empty.
struct RunOrigin {
  std::string model;
  std::string date;  ///< as in environment.json
  std::string command;
};

/// As `vllm bench serve --save-detailed` writes it, with --metric-percentiles 90,95,99. Without
/// what needs the date of each token (itls). Of nothing, a statistic is 0, as there.
/// Source: vllm-project/vllm, vllm/benchmarks/serve.py.
nlohmann::ordered_json to_vllm_json(const RunDirectory& run, const RunOrigin& origin);

/// As AIPerf's profile_export_aiperf.json, schema 1.3: metrics that do not apply are left out.
/// Source: ai-dynamo/aiperf, docs/reference/json-export-schema.md and docs/metrics-reference.md.
nlohmann::ordered_json to_aiperf_json(const RunDirectory& run, const RunOrigin& origin);

}  // namespace calvo::analysis
