#include "realrun/engine/doorbell.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

timespec to_timespec(Nanoseconds limit) {
  const std::int64_t ns = std::max<std::int64_t>(limit.count(), 0);
  return {static_cast<std::time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

/// Source: futex(2). Its word is the atomic's, which has the size and representation of its value.
long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* limit) {
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                std::atomic<std::uint32_t>::is_always_lock_free);
  return ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, limit, nullptr, 0);
}

}  // namespace

Doorbell::Doorbell(Sleeper sleeper) {
  if (sleeper == Sleeper::alone) return;
  fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd_ < 0) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
}

Doorbell::~Doorbell() {
  if (fd_ >= 0) ::close(fd_);
}

void Doorbell::ring() noexcept {
  if (armed_.exchange(0) == 0) return;
  const int saved = errno;
  if (fd_ < 0) {
    futex(armed_, FUTEX_WAKE, 1, nullptr);
  } else {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  errno = saved;
}

void Doorbell::sleep(Nanoseconds limit, std::span<pollfd> files) {
  if (fd_ >= 0) {
    sleep_with(limit, files);
  } else {
    CALVO_EXPECT(files.empty());
    const timespec timeout = to_timespec(limit);
    futex(armed_, FUTEX_WAIT, 1, limit == Nanoseconds::max() ? nullptr : &timeout);
  }
  armed_.store(0);
}

void Doorbell::sleep_with(Nanoseconds limit, std::span<pollfd> files) {
  thread_local std::vector<pollfd> fds;
  fds.assign(1, pollfd{fd_, POLLIN, 0});
  fds.insert(fds.end(), files.begin(), files.end());
  const timespec timeout = to_timespec(limit);
  const int ready =
      ::ppoll(fds.data(), fds.size(), limit == Nanoseconds::max() ? nullptr : &timeout, nullptr);
  CALVO_ENSURE(ready >= 0 || errno == EINTR);
  if (ready > 0 && (fds.front().revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(fd_, &count, sizeof count);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].revents = ready > 0 ? fds[i + 1].revents : short{0};
  }
}

}  // namespace calvo::realrun
