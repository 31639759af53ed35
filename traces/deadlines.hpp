#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/request.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

enum class DeadlineKind : std::uint8_t {
  none,
  isolated_factor,    ///< the request's own isolated TTFT times a factor drawn from `factors`
  fixed,              ///< `ttft` for all
  low_load_multiple,  ///< `multiple` times the median isolated TTFT of all requests, which stands
                      ///< for the median TTFT of the system under low load
};

struct DeadlineRule {
  DeadlineKind kind = DeadlineKind::none;
  std::vector<double> factors = {2, 4, 8};  ///< equally likely (arXiv 2603.21257, section 4.1)
  Nanoseconds ttft{0};
  double multiple = 3;
};

/// Fields below "deadlines": what is wrong with the rule, if anything.
std::optional<OptionProblem> problem_in(const DeadlineRule& rule);

/// Writes the TTFT objective of every request. A draw depends on the seed and the request's id
/// only, so every engine is held to the same deadlines. Requires: a valid rule; isolated TTFTs
/// above 0 for the rules that use them.
void assign_deadlines(std::span<RequestSpec> requests, const DeadlineRule& rule,
                      std::uint64_t seed);

}  // namespace calvo::traces
