// Virtual time: timers and flows, delivered date by date.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/units.hpp"
#include "sim/event_queue.hpp"
#include "sim/flow_network.hpp"

namespace calvo::sim {

/// Numbers timers and flows of a world in the order in which they were set and started.
class SequenceCounter {
public:
  std::uint64_t next() { return value_++; }

private:
  std::uint64_t value_ = 0;
};

/// A timer that is due or a flow that has ended.
struct WorldEvent {
  enum class Source : std::uint8_t { timer, flow };
  Source source{};
  std::uint64_t sequence = 0;
  TimerEvent timer;       ///< source: timer
  std::uint64_t tag = 0;  ///< source: flow, from its FlowSpec
};

class WorldHandler {
public:
  virtual ~WorldHandler() = default;
  /// All that happens at `date`, by sequence number: the order in which timers were set and flows
  /// started. May set timers, start and change flows; what falls on `date` itself comes in a
  /// further batch of the same date. Exceptions leave World::run(); the world is then unusable.
  virtual void on_events(Instant date, std::span<const WorldEvent> events) = 0;
};

/// How flows are computed and who keeps the clock.
///   fluid    our max-min solver as a model of the SimGrid engine
///   simgrid  SimGrid's own communications (s4u::Comm); no weights, caps approximate
///   pure     our solver and a loop of our own, without SimGrid: same dates as `fluid`, and as many
///            worlds in a process as one likes
enum class WorldKind : std::uint8_t { fluid, simgrid, pure };

/// A simulation's clock, timers and network. Dates are whole nanoseconds, and a date is delivered
/// as one batch: its timers and the flows whose end, a real number, lies nearest to it. (`simgrid`
/// cannot look ahead, and delivers a date half a nanosecond late on its own clock.)
class World {
public:
  /// `fluid` and `simgrid`: at most one in the life of a process, because SimGrid's clock is
  /// global; a second one breaks a contract. Fork before the first for several simulations.
  static std::unique_ptr<World> create(WorldKind kind);

  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Instant date() const { return date_; }
  double now() const { return seconds_of(date_); }
  /// Requires: date >= date().
  void at(Instant date, const TimerEvent& event);
  virtual FlowNetwork& network() = 0;

  /// Delivers events until there are none or until it is told to stop. Once in a world's life.
  void run(WorldHandler& handler);
  /// Ends run() after the batch being delivered. Events beyond it are not delivered.
  void stop() { stopped_ = true; }
  /// The same, from a signal handler or another thread: run() ends before its next batch.
  void request_stop() noexcept { stop_requested_.store(true, std::memory_order_relaxed); }
  /// True if stop() or request_stop() has ended run().
  bool stopped() const { return stopped_; }

protected:
  World() = default;

  virtual void do_run() = 0;
  /// at() has put a timer before all others.
  virtual void on_earlier_timer() {}

  bool must_stop();
  /// Delivers `batch_`, to which it has added the timers of `date`.
  void deliver(Instant date);

  EventQueue queue_;
  SequenceCounter sequence_;
  std::vector<WorldEvent> batch_;
  Instant date_{};

private:
  WorldHandler* handler_ = nullptr;
  bool stopped_ = false;
  std::atomic<bool> stop_requested_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "set from signal handlers");
};

}  // namespace calvo::sim
