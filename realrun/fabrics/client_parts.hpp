// What the clients of all fabrics have in common.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/socket.hpp"

namespace calvo::realrun::transport {

inline bool is_inside(std::span<const std::byte> memory, std::span<const std::byte> part) {
  return part.empty() || (part.data() >= memory.data() &&
                          part.data() + part.size() <= memory.data() + memory.size());
}

/// What has come back, from the peers of one client, until it is fetched. First in, first out.
class Completions {
public:
  void push_back(ReadDone done) { all_.push_back(done); }

  bool empty() const { return all_.empty(); }
  std::span<const ReadDone> waiting() const { return std::span(all_).subspan(fetched_); }

  /// Moves the oldest to the beginning of `out`, as many as there is room for. Returns how many.
  std::size_t fetch(std::span<ReadDone> out) {
    const std::size_t count = std::min(out.size(), waiting().size());
    std::ranges::copy(waiting().first(count), out.begin());
    fetched_ += count;
    if (fetched_ == all_.size()) {
      all_.clear();
      fetched_ = 0;
    }
    return count;
  }

private:
  std::vector<ReadDone> all_;
  std::size_t fetched_ = 0;  ///< leading ones of all_; less than all of them, or none
};

/// A file that is readable as long as it is said to be, for those who sleep on several.
class CompletionBell {
public:
  /// Not open where the process has as many files as it may: errno says so.
  CompletionBell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

  void set(bool readable) {
    if (readable == readable_) return;
    std::uint64_t count = 1;
    const ssize_t size = readable ? ::write(fd_.get(), &count, sizeof count)
                                  : ::read(fd_.get(), &count, sizeof count);
    CALVO_ENSURE(size == sizeof count);
    readable_ = readable;
  }

private:
  Fd fd_;
  bool readable_ = false;
};

}  // namespace calvo::realrun::transport
