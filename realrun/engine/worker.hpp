#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <sched.h>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"

namespace calvo::realrun {

using NoticeRing = Ring<Notice>;

/// A thread of the run. What its work throws reaches the control thread as a notice.
class Worker {
public:
  /// `name`: at most 15 characters, for top and ps. Pinned to `core` if given.
  void start(const std::string& name, std::optional<int> core, NoticeRing& notices,
             std::function<void()> work);
  void join();
  /// False before start() and once the work is over.
  bool running() const { return running_.load(); }
  ~Worker() { join(); }

private:
  std::atomic<bool> running_{false};
  std::thread thread_;
};

/// Names the calling thread, pins it to a core and lets it sleep to the microsecond, for as long as
/// this lives. Throws std::runtime_error if there is no such core.
class ThreadPlace {
public:
  ThreadPlace(const std::string& name, std::optional<int> core);
  ~ThreadPlace();
  ThreadPlace(const ThreadPlace&) = delete;
  ThreadPlace& operator=(const ThreadPlace&) = delete;

private:
  char name_before_[16] = {};
  cpu_set_t cores_before_;
  unsigned long slack_before_ = 0;
};

}  // namespace calvo::realrun
