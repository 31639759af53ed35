#include "realrun/fabrics/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "realrun/wire/crypto.hpp"

namespace calvo::realrun::transport {
namespace {

using Nonce = std::array<std::byte, 32>;

constexpr std::array<char, 8> magic = {'c', 'a', 'l', 'v', 'o', 'r', 'd', '1'};
constexpr Nanoseconds handshake_limit = std::chrono::seconds{10};
/// Connections that have not proved themselves yet; one more closes the oldest.
constexpr std::size_t most_strangers = 64;

#pragma pack(push, 1)
struct Greeting {
  std::array<char, 8> magic = {};
  Nonce nonce = {};
};
struct Claim {
  SessionId session = {};
  Nonce nonce = {};
  Digest proof = {};
};
#pragma pack(pop)
static_assert(sizeof(Greeting) == 40 && sizeof(Claim) == 80);

constexpr std::size_t door_bytes = sizeof(std::uint16_t) + sizeof(SessionId);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}
template <class T>
std::span<std::byte> writable(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

template <std::size_t size>
std::array<std::byte, size> random_array() {
  std::array<std::byte, size> bytes;
  random_bytes(bytes);
  return bytes;
}

Digest prove(const Ticket& ticket, std::string_view role, const Nonce& first, const Nonce& second,
             const SessionId& session) {
  std::string text(role);
  for (const std::span<const std::byte> part :
       {std::span<const std::byte>(first), std::span<const std::byte>(second),
        std::span<const std::byte>(session)}) {
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return hmac_sha256(ticket.bytes, std::as_bytes(std::span(text)));
}

Door read_door(const PoolOffer& offer) {
  if (offer.blob.size() != door_bytes) {
    throw std::runtime_error(
        fmt::format("the offer of fabric \"{}\" has {} bytes instead of {}; both sides must run "
                    "the same version",
                    offer.fabric, offer.blob.size(), door_bytes));
  }
  Door door;
  std::memcpy(&door.port, offer.blob.data(), sizeof door.port);
  std::memcpy(door.session.data(), offer.blob.data() + sizeof door.port, door.session.size());
  return door;
}

}  // namespace

Fd enter(std::string_view host, const PoolOffer& offer, const Ticket& ticket, Deadline deadline) {
  const Door door = read_door(offer);
  Fd socket = connect_to(host, door.port, deadline);
  send_before_bulk(socket);  // requests: behind stores they would leave the way back idle
  const auto fail = [&](std::string_view problem) {
    return std::runtime_error(fmt::format("{} port {}: {}", host, door.port, problem));
  };
  Greeting greeting;
  if (!receive_all(socket.get(), writable(greeting), deadline)) {
    throw fail("no greeting from the storage node");
  }
  if (greeting.magic != magic) throw fail("no storage node of this version listens there");
  Claim claim;
  claim.session = door.session;
  claim.nonce = random_array<32>();
  claim.proof = prove(ticket, "client", greeting.nonce, claim.nonce, door.session);
  Digest answer;
  if (!send_all(socket.get(), bytes_of(claim), deadline) ||
      !receive_all(socket.get(), writable(answer), deadline)) {
    throw fail("the storage node does not take the ticket; it was revoked, or belongs to another");
  }
  if (!equal_in_constant_time(answer,
                              prove(ticket, "server", claim.nonce, greeting.nonce, door.session))) {
    throw fail("who listens there does not hold the ticket");
  }
  return socket;
}

template <class Use, class Result>
Result Connection::use(Use use, Result gone) {
  {
    const std::lock_guard lock(mutex_);
    if (cut_) return gone;
    busy_ = true;
  }
  Result result = use(socket_.get());
  const std::lock_guard lock(mutex_);
  busy_ = false;
  if (cut_) idle_.notify_all();
  return result;
}

bool Connection::send(std::span<iovec> parts) {
  const auto send_parts = [&](int fd) {
    while (!parts.empty()) {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return false;
      auto left = static_cast<std::size_t>(sent);
      while (!parts.empty() && left >= parts[0].iov_len) {
        left -= parts[0].iov_len;
        parts = parts.subspan(1);
      }
      if (left > 0) {
        parts[0].iov_base = static_cast<std::byte*>(parts[0].iov_base) + left;
        parts[0].iov_len -= left;
      }
    }
    return true;
  };
  return use(send_parts, false);
}

std::size_t Connection::receive(std::span<std::byte> into) {
  const auto receive_some = [&](int fd) {
    ssize_t got = 0;
    do {
      got = ::recv(fd, into.data(), into.size(), 0);
    } while (got < 0 && errno == EINTR);
    return got > 0 ? static_cast<std::size_t>(got) : std::size_t{0};
  };
  return use(receive_some, std::size_t{0});
}

bool Connection::send_before(std::span<const std::byte> bytes, Deadline deadline) {
  return use([&](int fd) { return send_all(fd, bytes, deadline); }, false);
}

bool Connection::receive_before(std::span<std::byte> bytes, Deadline deadline) {
  return use([&](int fd) { return receive_all(fd, bytes, deadline); }, false);
}

bool Connection::wait_beside(int other, Nanoseconds limit) {
  return use(
      [&](int fd) {
        const timespec time{.tv_sec = limit.count() / 1'000'000'000,
                            .tv_nsec = limit.count() % 1'000'000'000};
        std::array<pollfd, 2> watched = {pollfd{fd, POLLIN, 0}, pollfd{other, POLLIN, 0}};
        return ::ppoll(watched.data(), watched.size(), &time, nullptr) <= 0 ||
               watched[0].revents == 0;
      },
      false);
}

std::string Connection::local_address() {
  const std::lock_guard lock(mutex_);
  return transport::local_address(socket_);
}

void Connection::finish() {
  // Closing with unread bytes would reset the connection and destroy what is on its way.
  const Deadline deadline = deadline_in(std::chrono::seconds{5});
  use([](int fd) { return ::shutdown(fd, SHUT_WR); }, 0);
  std::array<std::byte, 4096> rest;
  const auto drain = [&](int fd) {
    if (!wait_for(fd, POLLIN, deadline)) return false;
    return ::recv(fd, rest.data(), rest.size(), MSG_DONTWAIT) > 0;
  };
  while (use(drain, false)) {
  }
}

void Connection::cut() {
  std::unique_lock lock(mutex_);
  if (!cut_) {
    cut_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
  }
  idle_.wait(lock, [&] { return !busy_; });
  if (!socket_) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};  // what was sent and not yet gone is dropped
  setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
}

SessionListener::SessionListener(const std::string& bind, std::uint16_t port, Serve serve)
    : serve_(std::move(serve)),
      listener_(listen_on(bind, port)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!stop_) throw std::runtime_error(fmt::format("eventfd: {}", strerror(errno)));
  acceptor_ = std::thread([this] { accept_all(); });
}

SessionListener::~SessionListener() {
  const std::uint64_t one = 1;
  const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  static_cast<void>(written);  // an eventfd at 0 takes a 1
  acceptor_.join();
  for (const auto& client : clients_) client->connection.cut();
  for (const auto& client : clients_) client->thread.join();
}

std::vector<std::byte> SessionListener::admit(const Ticket& ticket) {
  const auto session = random_array<sizeof(SessionId)>();
  const std::uint16_t port = local_port(listener_);
  {
    const std::lock_guard lock(mutex_);
    tickets_.emplace(session, ticket);
  }
  std::vector<std::byte> blob(door_bytes);
  std::memcpy(blob.data(), &port, sizeof port);
  std::memcpy(blob.data() + sizeof port, session.data(), session.size());
  return blob;
}

std::optional<SessionId> SessionListener::revoke(const Ticket& ticket) {
  std::optional<SessionId> session;
  std::vector<std::shared_ptr<Client>> theirs;
  {
    const std::lock_guard lock(mutex_);
    const auto holds = [&](const auto& entry) {
      return std::ranges::equal(entry.second.bytes, ticket.bytes);
    };
    const auto found = std::ranges::find_if(tickets_, holds);
    if (found == tickets_.end()) return std::nullopt;
    session = found->first;
    tickets_.erase(found);
    for (const auto& client : clients_) {
      if (client->session == session) theirs.push_back(client);
    }
  }
  for (const auto& client : theirs) client->connection.cut();
  return session;
}

void SessionListener::accept_all() {
  while (true) {
    pollfd either[2] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (::poll(either, 2, -1) < 0) continue;  // interrupted
    if (either[0].revents != 0) return;
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) {
      // Out of descriptors, most likely: the connection stays in the queue until some are free.
      if (errno != EAGAIN &&
          wait_for(stop_.get(), POLLIN, deadline_in(std::chrono::milliseconds{50}))) {
        return;
      }
      continue;
    }
    if (sweep() >= most_strangers) show_out_oldest();
    send_small_messages_at_once(socket);
    const auto client = std::make_shared<Client>(std::move(socket));
    const std::lock_guard lock(mutex_);
    try {
      client->thread = std::thread([this, &client = *client] { run(client); });
      clients_.push_back(client);
    } catch (const std::system_error&) {
      // No more threads: the connection is closed, as if there had been no answer.
    }
  }
}

void SessionListener::run(Client& client) {
  if (const auto session = shake_hands(client)) {
    serve_(client.connection, *session);
  }
  client.connection.cut();
  const std::lock_guard lock(mutex_);
  client.done = true;
}

std::optional<SessionId> SessionListener::shake_hands(Client& client) {
  Connection& connection = client.connection;
  const Deadline deadline = deadline_in(handshake_limit);
  const Greeting greeting{magic, random_array<32>()};
  Claim claim;
  if (!connection.send_before(bytes_of(greeting), deadline) ||
      !connection.receive_before(writable(claim), deadline)) {
    return std::nullopt;
  }
  Digest answer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tickets_.find(claim.session);
    if (found == tickets_.end()) return std::nullopt;
    const Ticket& ticket = found->second;
    if (!equal_in_constant_time(
            claim.proof, prove(ticket, "client", greeting.nonce, claim.nonce, claim.session))) {
      return std::nullopt;
    }
    client.session = claim.session;  // from here on, revoke() finds the connection
    answer = prove(ticket, "server", claim.nonce, greeting.nonce, claim.session);
  }
  if (!connection.send_before(bytes_of(answer), deadline)) return std::nullopt;
  return claim.session;
}

void SessionListener::show_out_oldest() {
  std::shared_ptr<Client> oldest;
  {
    const std::lock_guard lock(mutex_);
    const auto stranger = [](const auto& client) { return !client->session && !client->done; };
    const auto found = std::ranges::find_if(clients_, stranger);
    if (found == clients_.end()) return;
    oldest = *found;
    clients_.erase(found);
  }
  oldest->connection.cut();
  oldest->thread.join();
}

std::size_t SessionListener::sweep() {
  const std::lock_guard lock(mutex_);
  std::size_t strangers = 0;
  for (auto client = clients_.begin(); client != clients_.end();) {
    if ((*client)->done) {
      (*client)->thread.join();
      client = clients_.erase(client);
    } else {
      if (!(*client)->session) ++strangers;
      ++client;
    }
  }
  return strangers;
}

}  // namespace calvo::realrun::transport
