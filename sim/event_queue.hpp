// Timers of a simulation, first in first out at equal dates.
#pragma once

#include <cstdint>

#include "core/contract.hpp"
#include "core/units.hpp"
#include "sim/min_heap.hpp"

namespace calvo::sim {

/// What a timer says when it is due: plain numbers whose meaning is its owner's. A timer is never
/// taken back; its owner bumps a version and ignores a timer that carries an old one.
struct TimerEvent {
  std::uint32_t kind = 0;
  std::uint32_t index = 0;  ///< e.g. of an instance
  std::uint64_t id = 0;     ///< e.g. of a run
  std::uint64_t version = 0;

  friend bool operator==(const TimerEvent&, const TimerEvent&) = default;
};

/// Timers by (date, sequence). push and pop O(log n), no allocation after warm-up.
class EventQueue {
public:
  struct Entry {
    Instant date;
    std::uint64_t sequence;
    TimerEvent event;
  };

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  /// Date of the earliest timer, `never` if there is none.
  Instant next_date() const { return heap_.empty() ? never : heap_.top().date; }

  /// Sequence numbers order timers of one date; they need not be consecutive.
  void push(Instant date, std::uint64_t sequence, const TimerEvent& event) {
    heap_.push({date, sequence, event});
  }

  /// Removes and returns the earliest. Requires: not empty.
  Entry pop() {
    CALVO_EXPECT(!heap_.empty());
    const Entry first = heap_.top();
    heap_.pop();
    return first;
  }

private:
  struct Before {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.date != b.date ? a.date < b.date : a.sequence < b.sequence;
    }
  };
  MinHeap<Entry, Before> heap_;
};

}  // namespace calvo::sim
