// One connection of a client, at work: posts slices, harvests completions, notices its end.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "realrun/fabrics/client_parts.hpp"
#include "realrun/fabrics/verbs_dial.hpp"
#include "realrun/fabrics/verbs_memory.hpp"
#include "realrun/fabrics/verbs_queue.hpp"

namespace calvo::realrun::verbs {

class Peer {
public:
  /// `memory` and `done`, where completions go, outlive it.
  Peer(Link link, const LocalMemory& memory, const QueueLimits& limits,
       transport::Completions& done);

  std::size_t post(std::span<const Read> chain);

  /// Takes what has completed and posts what there is room for now. Returns whether anything was
  /// there.
  bool harvest();

  bool in_flight() const { return !reads_.idle(); }

  /// Asks for a wake-up at the next completion; harvest once more before sleeping.
  void arm();
  int completion_fd() const { return link_.completions->fd; }
  void take_wake_up();

  int event_fd() const { return link_.events->fd; }
  /// Looks whether the connection has ended.
  void take_events();

  /// Tells the other side, and gives all reads back. When it returns, none of them lands any more.
  void hang_up();

  const Link& link() const { return link_; }

private:
  void post_slices();
  void fail(ReadStatus status);

  Link link_;
  const LocalMemory& memory_;
  ReadQueue reads_;
  transport::Completions& done_;
  std::vector<ibv_send_wr> requests_;  ///< as long as the queue is deep
  std::vector<ibv_sge> targets_;
  bool armed_ = false;
  bool told_ = false;  ///< somebody has got `peer_gone`, `refused` or `flushed`
};

}  // namespace calvo::realrun::verbs
