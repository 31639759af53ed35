#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "core/contract.hpp"
#include "realrun/engine/doorbell.hpp"

namespace calvo::realrun {

/// A bounded queue from any number of threads to one. First in, first out; what one thread has
/// pushed before another thread learns of it comes out before whatever that one pushes then.
template <class T>
class Ring {
public:
  /// `bell` wakes the reader and outlives this. Requires: capacity > 0.
  Ring(std::size_t capacity, Doorbell& bell) : bell_(bell), capacity_(capacity) {
    CALVO_EXPECT(capacity > 0);
  }

  /// Waits while it is full. Dropped without a word once the ring is closed.
  void push(T item) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return items_.size() < capacity_ || closed_; });
      if (closed_) return;
      items_.push_back(std::move(item));
    }
    bell_.ring();
  }

  /// False, and `item` is untouched, if it is full.
  bool try_push(T& item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity_ && !closed_) return false;
      if (!closed_) items_.push_back(std::move(item));
    }
    bell_.ring();
    return true;
  }

  /// Reader: moves everything to the end of `out`.
  void drain(std::vector<T>& out) {
    bool was_full = false;
    {
      const std::lock_guard lock(mutex_);
      was_full = items_.size() >= capacity_;
      if (out.empty()) {
        out.swap(items_);
      } else {
        for (T& item : items_) out.push_back(std::move(item));
        items_.clear();
      }
    }
    if (was_full) room_.notify_all();
  }

  bool empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
  }

  /// Lets go of those who wait in push(); nothing is taken any more.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      items_.clear();
    }
    room_.notify_all();
    bell_.ring();
  }

private:
  Doorbell& bell_;
  std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace calvo::realrun
