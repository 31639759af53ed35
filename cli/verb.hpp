// The verbs of the program: one file each.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace calvo::cli {

/// Exit codes. A bad command line or input is 2, as in most programs; the others are sysexits.h's
/// and a shell's.
enum ExitCode : int { success = 0, failure = 1, bad_input = 2, bug = 70, interrupted = 130 };

/// A sub-command and what it does once the command line has been read; returns an exit code.
struct Verb {
  CLI::App* command = nullptr;
  std::function<int()> run;
};

Verb add_run(CLI::App& program);
Verb add_sweep(CLI::App& program);
Verb add_compare(CLI::App& program);
Verb add_list(CLI::App& program);
Verb add_trace(CLI::App& program);
Verb add_replay(CLI::App& program);
Verb add_explain(CLI::App& program);
Verb add_validate(CLI::App& program);
Verb add_kvnode(CLI::App& program);
Verb add_realrun(CLI::App& program);
Verb add_calibrate(CLI::App& program);
Verb add_report(CLI::App& program);
Verb add_whatif(CLI::App& program);
Verb add_size(CLI::App& program);

}  // namespace calvo::cli
