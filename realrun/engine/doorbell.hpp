#pragma once

#include <atomic>
#include <cstdint>
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
  /// `alone`: its sleeper waits for nothing else, which takes one system call instead of two.
  /// `with_files`: it waits for files as well.
  enum class Sleeper : std::uint8_t { alone, with_files };

  explicit Doorbell(Sleeper sleeper);
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// Any thread; also in a signal handler.
  void ring() noexcept;

  void arm() { armed_.store(1); }
  void disarm() { armed_.store(0); }
  /// Sleeps until a ring, until one of `files` is ready or for `limit` (max: for good). Disarms.
  /// Requires: no files, unless made for them.
  void sleep(Nanoseconds limit, std::span<pollfd> files = {});

private:
  void sleep_with(Nanoseconds limit, std::span<pollfd> files);

  int fd_ = -1;  ///< with files: an eventfd
  std::atomic<std::uint32_t> armed_{0};
};

}  // namespace calvo::realrun
