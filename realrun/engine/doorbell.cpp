#include "realrun/engine/doorbell.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/contract.hpp"

namespace calvo::realrun {

Doorbell::Doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
}

Doorbell::~Doorbell() {
  ::close(fd_);
}

void Doorbell::ring() noexcept {
  if (!armed_.exchange(false)) return;
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  errno = saved;
}

void Doorbell::sleep(Nanoseconds limit, std::span<pollfd> others) {
  thread_local std::vector<pollfd> fds;
  fds.assign(1, pollfd{fd_, POLLIN, 0});
  fds.insert(fds.end(), others.begin(), others.end());
  timespec timeout{};
  const bool bounded = limit != Nanoseconds::max();
  if (bounded) {
    const std::int64_t ns = limit > Nanoseconds{0} ? limit.count() : 0;
    timeout.tv_sec = static_cast<std::time_t>(ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  }
  const int ready = ::ppoll(fds.data(), fds.size(), bounded ? &timeout : nullptr, nullptr);
  CALVO_ENSURE(ready >= 0 || errno == EINTR);
  armed_.store(false);
  if (ready > 0 && (fds.front().revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(fd_, &count, sizeof count);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i].revents = ready > 0 ? fds[i + 1].revents : short{0};
  }
}

}  // namespace calvo::realrun
