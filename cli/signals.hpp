// What Ctrl-C does while no run directory is written.
#pragma once

namespace calvo::cli {

/// SIGINT and SIGTERM wait from here on, until a PointPool collects them: none of them ends the
/// process before it could clean up and say what was done.
void hold_signals();

/// SIGINT and SIGTERM from here on print `line` on the standard error and end the process with
/// exit code 130, unless they are ignored. For as long as nothing is written that has to be cleaned
/// away. `line` outlives the process.
void end_on_signals(const char* line);

}  // namespace calvo::cli
