#pragma once

#include <cstdint>
#include <vector>

#include "traces/trace.hpp"

namespace calvo::traces {

/// A guess which requests of an open-loop trace are later turns of one conversation.
struct SessionLink {
  std::int32_t previous = -1;  ///< index of the request before it, or -1
  double gap_ms = 0;           ///< think time after that one has ended
};

/// Links request B to the latest earlier A whose full trace blocks (at least 2, a prefix of at most
/// 50 requests) lead B's prompt, which is longer. Think time: max(0.5 s, gap of the dates minus
/// (0.5 s + 0.03 s per output token of A)), the subtracted part standing for the time that A took.
/// Checked against token counts this is right for 92 % of the links in Mooncake's conversation
/// trace; its other traces do not pass the check. Requires: all requests dated, none waiting.
std::vector<SessionLink> link_sessions(const Trace& trace);

}  // namespace calvo::traces
