#include "realrun/fabrics/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <linux/pkt_sched.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace calvo::realrun::transport {
namespace {

constexpr Nanoseconds look_for_stop{20'000'000};

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no address or known name: {}", host,
                    error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error)));
  }
  return Addresses(list);
}

Fd open_socket(const addrinfo& address, int flags) {
  return Fd(
      ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | flags, address.ai_protocol));
}

void set_flag(const Fd& socket, int level, int option) {
  const int on = 1;
  setsockopt(socket.get(), level, option, &on, sizeof on);
}

/// 0, or the error of the attempt.
int finish_connect(const Fd& socket, const addrinfo& address, Deadline deadline,
                   const std::stop_token& stop) {
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (!wait_for(socket.get(), POLLOUT, deadline, stop)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

sockaddr_storage local_name(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error(fmt::format("getsockname: {}", strerror(errno)));
  }
  return address;
}

std::string as_number(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> text{};
  const int error =
      getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  if (error != 0) throw std::runtime_error(fmt::format("getnameinfo: {}", gai_strerror(error)));
  return text.data();
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Deadline deadline_in(Nanoseconds limit) {
  constexpr Nanoseconds longest = std::chrono::hours{24 * 365};
  return std::chrono::steady_clock::now() + std::min(limit, longest);
}

Fd listen_on(const std::string& host, std::uint16_t port) {
  const Addresses list = resolve(host, port, AI_PASSIVE);
  Fd socket = open_socket(*list, SOCK_NONBLOCK);
  if (socket) {
    set_flag(socket, SOL_SOCKET, SO_REUSEADDR);
    if (::bind(socket.get(), list->ai_addr, list->ai_addrlen) == 0 &&
        ::listen(socket.get(), SOMAXCONN) == 0) {
      return socket;
    }
  }
  const int error = errno;
  throw std::runtime_error(
      fmt::format("cannot listen on {} port {}: {}; {}", host, port, strerror(error),
                  error == EADDRINUSE ? "choose another port, or 0 for any that is free"
                                      : "bind to an address of this machine that you may use"));
}

std::uint16_t local_port(const Fd& socket) {
  const sockaddr_storage address = local_name(socket);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string local_address(const Fd& socket) {
  const sockaddr_storage address = local_name(socket);
  return as_number(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Fd connect_to(std::string_view host, std::uint16_t port, Deadline deadline,
              const std::stop_token& stop, std::string* reached) {
  const Addresses list = resolve(std::string(host), port, 0);
  int error = 0;
  for (const addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    Fd socket = open_socket(*address, SOCK_NONBLOCK);
    error = socket ? finish_connect(socket, *address, deadline, stop) : errno;
    if (error == 0) {
      send_small_messages_at_once(socket);
      if (reached != nullptr) *reached = as_number(address->ai_addr, address->ai_addrlen);
      return socket;
    }
  }
  throw std::runtime_error(fmt::format("cannot reach {} port {}: {}", host, port, strerror(error)));
}

void send_small_messages_at_once(const Fd& socket) {
  set_flag(socket, IPPROTO_TCP, TCP_NODELAY);
}

void send_before_bulk(const Fd& socket) {
  const int priority = TC_PRIO_INTERACTIVE;
  setsockopt(socket.get(), SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
}

bool send_all(int socket, std::span<const std::byte> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket, POLLOUT, deadline)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool receive_all(int socket, std::span<std::byte> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EAGAIN) {
      if (!wait_for(socket, POLLIN, deadline)) return false;
    } else if (got == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool wait_for(int fd, short events, Deadline deadline, const std::stop_token& stop) {
  const Nanoseconds longest = stop.stop_possible() ? look_for_stop : Nanoseconds::max();
  while (!stop.stop_requested()) {
    const Nanoseconds until = deadline - std::chrono::steady_clock::now();
    const Nanoseconds left = std::clamp(until, Nanoseconds{0}, longest);
    timespec limit{};
    limit.tv_sec = left.count() / 1'000'000'000;
    limit.tv_nsec = left.count() % 1'000'000'000;
    pollfd one{fd, events, 0};
    const int ready = ::ppoll(&one, 1, &limit, nullptr);
    if (ready > 0) return true;
    if (ready == 0 && left == longest) continue;
    if (ready == 0 || errno != EINTR) return false;
  }
  return false;
}

}  // namespace calvo::realrun::transport
