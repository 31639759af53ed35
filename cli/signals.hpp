// What Ctrl-C does to verbs that write no run directory.
#pragma once

namespace calvo::cli {

/// SIGINT and SIGTERM wait from here on, until a PointPool collects them: none of them ends the
/// process before it could clean up and say what was done.
void hold_signals();

/// SIGINT and SIGTERM from here on print `line` on the standard error and end the process with
/// exit code 130. For work that writes nothing and has no children. `line` outlives the process.
void end_on_signals(const char* line);

}  // namespace calvo::cli
