#pragma once

#include <atomic>
#include <span>

#include <poll.h>

#include "core/units.hpp"

namespace calvo::realrun {

/// Wakes one thread that sleeps in sleep(). A bell costs a system call only when somebody sleeps.
///
/// The sleeper says arm(), looks once more whether there is work, then sleeps; who brings work puts
/// it where that look finds it, then rings. Both go through the lock of a Ring, so that either the
/// look finds the work or the ring finds the bell armed.
class Doorbell {
public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// Any thread; also in a signal handler.
  void ring() noexcept;

  void arm() { armed_.store(true); }
  void disarm() { armed_.store(false); }
  /// Sleeps until a ring, until one of `others` is ready or for `limit` (max: for good). Disarms.
  void sleep(Nanoseconds limit, std::span<pollfd> others = {});

private:
  int fd_ = -1;
  std::atomic<bool> armed_{false};
};

}  // namespace calvo::realrun
