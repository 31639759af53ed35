#pragma once

#include <optional>
#include <vector>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/wall_clock.hpp"
#include "realrun/engine/worker.hpp"
#include "traces/workload.hpp"

namespace calvo::realrun {

/// Hands each request over when it is due, whatever has become of those before it.
class Ingress {
public:
  using Order = std::optional<traces::Due>;  ///< nothing: stop

  /// `known`: the arrivals known from the start. What is given by reference outlives this.
  Ingress(std::vector<traces::Due> known, const WallClock& clock, NoticeRing& notices);

  void start(std::optional<int> core);
  Ring<Order>& orders() { return orders_; }
  void join() { worker_.join(); }
  bool running() const { return worker_.running(); }

private:
  void work();

  const WallClock& clock_;
  NoticeRing& notices_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  Ring<Order> orders_;
  std::vector<traces::Due> due_;  ///< a heap, earliest (date, id) on top
  Worker worker_;
};

}  // namespace calvo::realrun
