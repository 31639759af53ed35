#pragma once

#include <vector>

#include "cli/run_one.hpp"

namespace calvo::cli {

/// One scenario of several, and what to do with it.
struct RunJob {
  scenarios::Scenario scenario;
  RunOneOptions options;
};

enum class Report { each_run, nothing };

struct ManyRuns {
  int exit_code = 0;                     ///< the worst of all
  std::vector<std::string> directories;  ///< of those that were written, in the order of the jobs
};

/// From here on SIGINT and SIGTERM end the jobs of run_many() early, and this process never; those
/// that come before it starts any make it start none.
void pass_signals_on();

/// Simulates each job in a process of its own (there is one SimGrid engine a process), at most
/// `parallel` at a time. SIGINT and SIGTERM are passed on, as pass_signals_on() says. The children
/// tell their own errors.
ManyRuns run_many(std::vector<RunJob>& jobs, int parallel, Report report);

}  // namespace calvo::cli
