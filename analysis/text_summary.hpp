#pragma once

#include <string>

#include "analysis/summary.hpp"

namespace calvo::analysis {

/// A summary for people, in the layout of `vllm bench serve`, with the stages of the TTFT, the
/// resources and the warnings below. Ends with a newline.
std::string to_text(const Summary& summary);

/// "93.4 % [91.2, 95.1]", or "-" if nothing was judged.
std::string attainment_text(const Summary& summary);

}  // namespace calvo::analysis
