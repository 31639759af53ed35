#pragma once

#include <string>

#include "traces/trace.hpp"

namespace calvo::traces {

/// Reads the CSV of the Azure LLM inference trace (Patel et al., ISCA'24): TIMESTAMP,
/// ContextTokens, GeneratedTokens. It says nothing about contents, so no two requests share any.
Trace read_azure(const std::string& file);

}  // namespace calvo::traces
