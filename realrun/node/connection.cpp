#include "realrun/node/connection.hpp"

#include <cerrno>
#include <cstdlib>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "realrun/wire/endpoint.hpp"

namespace calvo::realrun {

bool SendBuffer::flush(int socket) {
  while (!empty()) {
    const ssize_t sent = ::send(socket, bytes_.data() + sent_, size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (sent_ > bytes_.size() / 2) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
      }
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  bytes_.clear();
  sent_ = 0;
  return true;
}

Received receive(int socket, FrameParser& parser) {
  const std::span<std::byte> space = parser.space();
  while (true) {
    const ssize_t got = ::recv(socket, space.data(), space.size(), MSG_DONTWAIT);
    if (got > 0) {
      parser.received(static_cast<std::size_t>(got));
      return Received::some;
    }
    if (got == 0) return Received::gone;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Received::nothing : Received::gone;
  }
}

void keep_alive(int socket) {
  const auto set = [&](int level, int option, int value) {
    setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  // What waits in the system cannot be overtaken by a call that is more urgent.
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 256 << 10);
}

std::string peer_name(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (getpeername(socket, generic, &size) != 0 ||
      getnameinfo(generic, size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "a peer";
  }
  return Endpoint{host, static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10))}.text();
}

}  // namespace calvo::realrun
