#pragma once

#include <string>

#include "traces/trace.hpp"

namespace calvo::traces {

/// Reads the agentic TSV (one row a request, contents as runs of 64-token block ids that are local
/// to the session; columns in data/traces/README.md) and, where it exists, the table of sessions
/// beside it: X.sessions.tsv.gz for X.tsv.gz. Without that table no session shares a prefix.
///
/// The requests of a session come out in an order that respects its dependencies: each sub-agent's
/// stream follows the main request that spawned it. The main request after that one waits for the
/// ends of these streams, and its gap is what the traced gap leaves after the longest of them.
Trace read_agentic(const std::string& file, const ReadOptions& options);

}  // namespace calvo::traces
