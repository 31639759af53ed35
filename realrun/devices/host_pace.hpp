#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace calvo::realrun {

/// What the host device's threads sleep in to keep to a pace. Any thread may end that, for good.
class HostPace {
public:
  using Time = std::chrono::steady_clock::time_point;

  /// Sleeps until then; returns at once if that has passed, or after end().
  void wait_until(Time then) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, then, [this] { return ended_; });
  }

  /// Wakes who waits; nobody waits from here on.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

}  // namespace calvo::realrun
