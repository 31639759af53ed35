#pragma once

#include <string>

#include "core/run_result.hpp"

namespace calvo::analysis {

/// Writes the timeline as a Chrome trace (Perfetto and chrome://tracing open it): a process for
/// each machine or instance with a named thread for each of its tracks, and one process with a
/// thread for each request that has a first token, cut into its stages. Spans that overlap on one
/// track get further threads of the same name. Throws InputError.
void write_timeline_json(const std::string& path, const RunResult& run);

}  // namespace calvo::analysis
