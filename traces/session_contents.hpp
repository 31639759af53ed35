#pragma once

#include <cstdint>
#include <vector>

#include "traces/block_names.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

/// Says which contents the block ids of a trace stand for. Ids of the whole trace are of space 0.
/// Of ids that are local to a session, the leading ones of its shared prefix are of space 0 by
/// their position, the others of the session's own space.
class SessionContents {
public:
  /// Requires: 0 <= shared_prefix <= 1. `trace` outlives this.
  SessionContents(const Trace& trace, double shared_prefix)
      : trace_(trace), shared_prefix_(shared_prefix) {}

  /// From here on requests of this session are mapped; `first` is its first one. Only needed where
  /// ids are local to sessions.
  void begin(std::int32_t session, const TraceRequest& first);

  /// Replaces `out` by the content of a prompt. A last block that has no id gets one that no other
  /// request has, of `tail_space`.
  void map(const TraceRequest& request, std::vector<ContentRun>& out) const;

  static constexpr std::uint64_t tail_space = ~std::uint64_t{0};

private:
  struct SharedPart {
    TraceRun ids;
    std::uint64_t position = 0;
  };

  ContentRun leading_piece(TraceRun run) const;

  const Trace& trace_;
  double shared_prefix_;
  std::uint64_t space_ = 0;
  std::vector<SharedPart> shared_;
};

}  // namespace calvo::traces
