// The workload as YAML: one of `trace`, `synthetic` and `requests`.
#pragma once

#include "scenarios/fields.hpp"
#include "traces/workload_options.hpp"

namespace calvo::scenarios {

/// `model_context`: the longest context of sessions unless the file says another. Throws
/// InputError, also for values that traces::problem_in refuses.
traces::WorkloadOptions read_workload(const YamlSection& section, FieldContext& context,
                                      Tokens model_context);
/// Throws InputError at the place of the option.
[[noreturn]] void fail_workload(const YamlSection& workload, const traces::OptionProblem& wrong);
void write_workload(FieldWriter& io, const traces::WorkloadOptions& workload);

}  // namespace calvo::scenarios
