// Timers of a simulation, first in first out at equal dates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/contract.hpp"
#include "core/units.hpp"

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

/// A 4-ary min-heap by (date, sequence). push and pop O(log n), no allocation after warm-up.
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
  Instant next_date() const { return heap_.empty() ? never : heap_.front().date; }

  /// Sequence numbers order timers of one date; they need not be consecutive.
  void push(Instant date, std::uint64_t sequence, const TimerEvent& event) {
    heap_.emplace_back();
    std::size_t at = heap_.size() - 1;
    const Entry entry{date, sequence, event};
    while (at > 0 && before(entry, heap_[(at - 1) / 4])) {
      heap_[at] = heap_[(at - 1) / 4];
      at = (at - 1) / 4;
    }
    heap_[at] = entry;
  }

  /// Removes and returns the earliest. Requires: not empty.
  Entry pop() {
    CALVO_EXPECT(!heap_.empty());
    const Entry first = heap_.front();
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink(last);
    return first;
  }

private:
  static bool before(const Entry& a, const Entry& b) {
    return a.date != b.date ? a.date < b.date : a.sequence < b.sequence;
  }
  void sink(const Entry& entry) {
    std::size_t at = 0;
    for (;;) {
      const std::size_t first = 4 * at + 1;
      if (first >= heap_.size()) break;
      std::size_t best = first;
      for (std::size_t child = first + 1; child < std::min(first + 4, heap_.size()); ++child) {
        if (before(heap_[child], heap_[best])) best = child;
      }
      if (!before(heap_[best], entry)) break;
      heap_[at] = heap_[best];
      at = best;
    }
    heap_[at] = entry;
  }

  std::vector<Entry> heap_;
};

}  // namespace calvo::sim
