#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <sched.h>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"

namespace calvo::realrun {

using NoticeRing = Ring<Notice>;

/// How a thread shares its core: `prompt` ones work for microseconds and others wait for them.
enum class Turns : std::uint8_t { usual, prompt };

/// A thread of the run. What its work throws reaches the control thread as a notice.
class Worker {
public:
  /// `name`: at most 15 characters, for top and ps. Pinned to `core` if given.
  void start(const std::string& name, std::optional<int> core, NoticeRing& notices,
             std::function<void()> work, Turns turns = Turns::usual);
  void join();
  /// False before start() and once the work is over.
  bool running() const { return running_.load(); }
  ~Worker() { join(); }

private:
  std::atomic<bool> running_{false};
  std::thread thread_;
};

/// Names the calling thread, pins it to a core and lets it sleep to the microsecond, for as long as
/// this lives. A prompt thread asks the scheduler for slices of 100 us: who wakes up with a shorter
/// slice than the running thread's runs first and has no larger share of the core. Linux does so
/// from 6.12 on, for anybody; before, it changes nothing. Throws std::runtime_error if there is no
/// such core.
class ThreadPlace {
public:
  ThreadPlace(const std::string& name, std::optional<int> core, Turns turns = Turns::usual);
  ~ThreadPlace();
  ThreadPlace(const ThreadPlace&) = delete;
  ThreadPlace& operator=(const ThreadPlace&) = delete;

private:
  char name_before_[16] = {};
  cpu_set_t cores_before_;
  unsigned long slack_before_ = 0;
  std::optional<std::uint64_t> slice_before_;  ///< ns; where it was changed
};

}  // namespace calvo::realrun
