#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "realrun/engine/busy_time.hpp"
#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/step_gate.hpp"
#include "realrun/engine/wall_clock.hpp"
#include "realrun/engine/worker.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {

struct CopySettings {
  std::uint32_t instance = 0;
  BlockFormat format;
  std::uint64_t config = 0;  ///< BlockTrailer::config
  std::int32_t layers = 0;
  Bytes window;  ///< of a run, posted and not yet copied
  std::optional<int> core;
};

struct CopyReport {
  Nanoseconds in{0}, out{0};  ///< time with something posted to the device
  Bytes moved_in, moved_out;
};

/// The copy stage of one instance: posts to the device's copy engine a few blocks ahead, so that
/// the order stays the control plane's. A copy that follows a fetch takes each block as it is
/// verified, and ends after it. A copy out seals its blocks, ready to be stored.
class CopyThread {
public:
  /// What is given by reference outlives this.
  CopyThread(const CopySettings& settings, CopyEngine& engine, const WallClock& clock,
             NoticeRing& notices, StepGate& gate);

  void start();
  Ring<CopyThreadOrder>& orders() { return orders_; }
  Doorbell& bell() { return bell_; }
  /// After a StopOrder: nothing is copied any more when it returns.
  void join() { worker_.join(); }
  bool running() const { return worker_.running(); }
  const CopyReport& report() const { return report_; }

private:
  struct Run {
    CopyOrder order;
    std::size_t posted = 0;  ///< blocks (of the present layer, if by layers)
    std::size_t done = 0;    ///< likewise
    std::int32_t layer = 0;  ///< by layers: the one under way
    std::int64_t jobs = 0;   ///< posted and not over
    std::int64_t bytes = 0;  ///< likewise
    bool cut = false;
    bool by_layers = false;
    Instant began{};
    bool started = false;
  };
  using Runs = std::map<std::uint64_t, Run>;
  struct Job {
    std::uint64_t run = 0;
    std::size_t blocks = 0;
    std::int64_t bytes = 0;
  };
  struct Lane {
    Runs runs;
    std::uint64_t served = 0;  ///< the run that posted last
    std::int64_t bytes = 0;    ///< posted and not over
    BusyTime busy;
  };

  void work();
  void order(CopyOrder order);
  void order(CutOrder order);
  void order(StopOrder) { stopping_ = true; }
  void pump(Lane& lane);
  void post(Lane& lane, std::uint64_t serial, Run& run, std::size_t blocks);
  void complete(std::uint64_t cookie);
  void finish_what_is_over(Lane& lane);
  bool over(const Run& run) const;
  std::size_t available(const Run& run) const;
  void end(Lane& lane, Runs::iterator run);
  Lane& lane_of(CopyDirection direction) { return direction == CopyDirection::in ? in_ : out_; }

  CopySettings settings_;
  CopyEngine& engine_;
  const WallClock& clock_;
  NoticeRing& notices_;
  StepGate& gate_;
  Doorbell bell_{Doorbell::Sleeper::with_files};
  Ring<CopyThreadOrder> orders_;
  Lane in_, out_;
  std::unordered_map<std::uint64_t, std::uint64_t> serial_of_;  ///< copies in, by run
  std::unordered_map<std::uint64_t, Job> jobs_;
  std::uint64_t next_serial_ = 1;
  std::vector<CopyThreadOrder> inbox_;
  std::vector<std::uint64_t> done_;
  CopyReport report_;
  bool stopping_ = false;
  Worker worker_;
};

}  // namespace calvo::realrun
