#pragma once

#include <string>

#include "core/run_result.hpp"

namespace calvo::analysis {

/// Writes the timeline as a Chrome trace (Perfetto and chrome://tracing open it): a process per
/// machine or instance and one for the requests, a named thread per resource and request. Spans
/// that overlap on one resource get further threads of the same name. Throws InputError.
void write_timeline_json(const std::string& path, const RunResult& run);

}  // namespace calvo::analysis
