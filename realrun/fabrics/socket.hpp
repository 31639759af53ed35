// Sockets of the fabrics: owned, with deadlines, errors with a remedy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "core/units.hpp"

namespace calvo::realrun::transport {

/// Owns a file descriptor.
class Fd {
public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

private:
  int fd_ = -1;
};

using Deadline = std::chrono::steady_clock::time_point;
/// `limit` from now, without overflow.
Deadline deadline_in(Nanoseconds limit);

/// Listens on an address or name; port 0 takes any that is free. Throws std::runtime_error.
Fd listen_on(const std::string& host, std::uint16_t port);
std::uint16_t local_port(const Fd& socket);
/// As a number, without the port.
std::string local_address(const Fd& socket);

/// Connects, without delay of small messages, to the first address of `host` that answers;
/// `reached`, if given, takes that one as a number. A name is looked up, which no deadline ends.
/// Throws std::runtime_error.
Fd connect_to(std::string_view host, std::uint16_t port, Deadline deadline,
              const std::stop_token& stop = {}, std::string* reached = nullptr);

void send_small_messages_at_once(const Fd& socket);

/// Lets what is sent here overtake bulk data where this machine's queue to a link has classes, as
/// Linux's default, pfifo_fast, has.
void send_before_bulk(const Fd& socket);

/// All of it before the deadline; false: the connection is gone or it is too late.
bool send_all(int socket, std::span<const std::byte> bytes, Deadline deadline);
bool receive_all(int socket, std::span<std::byte> bytes, Deadline deadline);

/// Sleeps until `fd` shows one of `events` (poll(2)) or an error; false: not before the deadline,
/// or `stop` was requested, which is looked at every 20 ms.
bool wait_for(int fd, short events, Deadline deadline, const std::stop_token& stop = {});

}  // namespace calvo::realrun::transport
