#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/node/fault_plan.hpp"
#include "realrun/node/pacer.hpp"
#include "realrun/node/tally.hpp"

namespace calvo::realrun {

/// What stands between the pool and the fabrics that ask: pace, faults, counters.
class NodeGate final : public SendGate {
public:
  using Clock = std::chrono::steady_clock;

  /// `pace`: nothing, no limit. The tally outlives the gate. The node starts now.
  NodeGate(std::optional<Pacer> pace, FaultPlan plan, Tally& tally);

  Verdict before_send(std::uint64_t offset, std::uint64_t bytes) override;

  /// Time since the node's start, for the faults that are not of pieces.
  Seconds now() const { return Clock::now() - start_; }
  const FaultPlan& plan() const { return plan_; }
  Clock::time_point at(Seconds date) const;

  /// Whoever waits looks again whether the node is dead.
  void wake();
  /// Lets nothing through any more and nobody wait.
  void stop();

private:
  Verdict pass(std::uint64_t offset, std::uint64_t bytes);

  Clock::time_point start_;
  Tally& tally_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Pacer> pace_;
  FaultPlan plan_;
  bool stopped_ = false;
};

}  // namespace calvo::realrun
