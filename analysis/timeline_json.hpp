#pragma once

#include <string>

#include "core/run_result.hpp"

namespace calvo::analysis {

/// Writes the timeline as a Chrome trace, by the rules of Perfetto's trace processor:
///
/// - a process for each machine or instance, with a named thread for each of its tracks; spans that
///   overlap on one get further threads of the same name, because a viewer drops what overlaps;
/// - a process "requests" with a thread for each request that has a first token, cut into stages;
/// - a counter for each memory with a history: the share of its blocks in use;
/// - a flow for each request, from stage to stage and through the spans on resources that served
///   it, in order of time.
///
/// Cost: the spans are sorted once; all else is linear in them. Throws InputError.
void write_timeline_json(const std::string& path, const RunResult& run);

}  // namespace calvo::analysis
