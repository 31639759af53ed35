// Dates of a workload, held to the longest run.
#pragma once

#include <fmt/format.h>

#include "traces/workload_options.hpp"

namespace calvo::traces {

/// Throws BadOption for `field` if `seconds` is no date of a run. `remedy`: "raise it".
inline void check_run_date(double seconds, const char* field, const char* remedy) {
  if (seconds <= longest_run.count()) return;
  throw BadOption({field, fmt::format("puts a request at {:.3g} s, beyond the longest run, {}; {}",
                                      seconds, longest_run_text, remedy)});
}

inline Nanoseconds run_date(double seconds, const char* field, const char* remedy) {
  check_run_date(seconds, field, remedy);
  return to_nanoseconds(Seconds{seconds});
}

}  // namespace calvo::traces
