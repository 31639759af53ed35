#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/step_gate.hpp"
#include "realrun/engine/wall_clock.hpp"
#include "realrun/engine/worker.hpp"

namespace calvo::realrun {

struct ComputeSettings {
  std::uint32_t instance = 0;
  std::uint64_t seed = 1;  ///< of token ids
  std::int64_t block_tokens = 0;
  std::int32_t vocab = 0;
  std::optional<int> core;
};

struct ComputeReport {
  Nanoseconds busy{0};
  Nanoseconds prompt{0};  ///< of that, in steps that compute part of a prompt
  std::map<RequestId, std::vector<float>> logits;  ///< of those sequences that were to keep them
};

/// The compute stage of one instance: runs a step's iterations, one after the other.
class ComputeThread {
public:
  /// What is given by reference outlives this.
  ComputeThread(const ComputeSettings& settings, Device& device, const WallClock& clock,
                NoticeRing& notices, StepGate& gate);

  void start();
  Ring<ComputeOrder>& orders() { return orders_; }
  /// After a StopOrder: the iteration under way ends first.
  void join() { worker_.join(); }
  bool running() const { return worker_.running(); }
  /// After join().
  ComputeReport& report() { return report_; }

private:
  void work();
  void run(const StepOrder& step);
  void iterate(const StepOrder& step, std::int64_t iteration);

  ComputeSettings settings_;
  Device& device_;
  const WallClock& clock_;
  NoticeRing& notices_;
  StepGate& gate_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  Ring<ComputeOrder> orders_;
  std::vector<ComputeOrder> inbox_;
  std::vector<std::vector<std::int32_t>> tokens_;
  std::vector<SequenceStep> sequences_;
  std::vector<SequenceResult> results_;
  ComputeReport report_;
  Worker worker_;
};

}  // namespace calvo::realrun
