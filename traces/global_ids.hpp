#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "traces/trace.hpp"

namespace calvo::traces {

/// The contents of a trace's prompts under ids that are unique in the whole trace, whatever the
/// scope of its own ids: first the shared prefix, then the sessions one after the other. A last
/// block that has no id in the trace gets one after all others.
class GlobalIds {
public:
  /// Requires: 0 <= shared_prefix <= 1, block_tokens > 0.
  GlobalIds(const Trace& trace, double shared_prefix);

  /// The blocks of a prompt, the nameless last one included.
  std::span<const TraceRun> blocks(std::size_t request) const;

private:
  std::vector<TraceRun> runs_;
  std::vector<std::uint32_t> first_run_;  ///< requests + 1
};

}  // namespace calvo::traces
