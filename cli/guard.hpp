#pragma once

#include <functional>
#include <string>

namespace calvo::cli {

/// Runs `work` and returns its exit code. What it throws is told on the standard error: InputError
/// and what the file system refuses become exit code 2; everything else is a bug of ours, 70, with
/// a request to report it. The one place of a process where exceptions end.
int guarded(const std::function<int()>& work) noexcept;

/// "calvo: problem" on the standard error; returns exit code 2.
int complain(const std::string& problem);

/// "calvo 0.1.0 1a2b3c (GNU 12.2.0, Release, SimGrid 3.32.0)"
std::string version_text();

}  // namespace calvo::cli
