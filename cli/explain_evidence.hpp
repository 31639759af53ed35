// What a run's event log shows, for analysis/explain.hpp: the log is given to fresh reducers, and
// their books say after each batch what each request waits for.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "analysis/explain.hpp"
#include "analysis/run_directory.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::cli {

/// Replays `log`, which errors call `file`. Throws InputError if it is damaged, or if this
/// program's engine answers it otherwise than the run did.
analysis::ExplainEvidence evidence_of(std::span<const std::byte> log, const std::string& file,
                                      const scenarios::Scenario& scenario,
                                      const analysis::RunDirectory& run);

}  // namespace calvo::cli
