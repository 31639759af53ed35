// The door of a fabric's server: who holds a ticket gets a connection, nobody else gets a byte.
//
// A ticket never crosses this connection. The server greets with a nonce; the client names its
// session and proves with HMAC-SHA256 over both nonces that it holds the ticket; the server proves
// the same in return. All numbers are little endian.
//
//   server -> client   magic 8, nonce 32
//   client -> server   session 16, nonce 32,
//                      HMAC(ticket, "client" server-nonce client-nonce session)
//   server -> client   HMAC(ticket, "server" client-nonce server-nonce session)
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/uio.h>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/socket.hpp"

namespace calvo::realrun::transport {

/// Names a ticket in the open, without telling anything of it.
using SessionId = std::array<std::byte, 16>;

/// What an offer of these fabrics holds.
struct Door {
  std::uint16_t port = 0;
  SessionId session = {};
};

/// Connects to a door and shakes hands. The socket does not block. Throws std::runtime_error.
Fd enter(std::string_view host, const PoolOffer& offer, const Ticket& ticket, Deadline deadline);

/// The server's side of a connection. One thread uses it; any may cut it.
class Connection {
public:
  explicit Connection(Fd socket) : socket_(std::move(socket)) {}

  /// Sends all of `parts`, which it uses up; blocks. False: the connection is gone.
  bool send(std::span<iovec> parts);
  /// Blocks until there are some bytes; 0: the connection is gone.
  std::size_t receive(std::span<std::byte> into);
  bool send_before(std::span<const std::byte> bytes, Deadline deadline);
  bool receive_before(std::span<std::byte> bytes, Deadline deadline);
  /// Sleeps until `other` (a descriptor, or -1) is readable, for at most `limit`; false: the
  /// connection has ended or something has come over it.
  bool wait_beside(int other, Nanoseconds limit);
  /// Ours, as a number.
  std::string local_address();
  /// Lets what was sent arrive, then ends the connection.
  void finish();
  /// When it returns, not a byte goes out any more. Any thread.
  void cut();

private:
  /// Runs `use(fd)` unless the connection is cut, then returns `gone`.
  template <class Use, class Result>
  Result use(Use use, Result gone);

  std::mutex mutex_;
  std::condition_variable idle_;
  bool busy_ = false;
  bool cut_ = false;
  Fd socket_;
};

/// Listens, lets sessions in, runs `serve` for each connection on a thread of its own.
class SessionListener {
public:
  using Serve = std::function<void(Connection&, const SessionId&)>;

  SessionListener(const std::string& bind, std::uint16_t port, Serve serve);
  /// Cuts all connections and waits for their threads.
  ~SessionListener();
  SessionListener(const SessionListener&) = delete;
  SessionListener& operator=(const SessionListener&) = delete;

  /// The blob of an offer for this ticket.
  std::vector<std::byte> admit(const Ticket& ticket);
  /// Cuts the session's connections and lets no more in. Returns the session, if there was one.
  std::optional<SessionId> revoke(const Ticket& ticket);

private:
  struct Client {
    explicit Client(Fd socket) : connection(std::move(socket)) {}
    Connection connection;
    std::optional<SessionId> session;  ///< once it has proved itself; under mutex_
    bool done = false;                 ///< its thread has only to return; under mutex_
    std::thread thread;
  };

  void accept_all();
  void run(Client& client);
  std::optional<SessionId> shake_hands(Client& client);
  /// Joins the threads that are done. Returns how many connections have not proved themselves.
  std::size_t sweep();
  /// Ends the connection that has not proved itself for the longest time.
  void show_out_oldest();

  Serve serve_;
  Fd listener_;
  Fd stop_;
  std::mutex mutex_;
  std::map<SessionId, Ticket> tickets_;
  std::list<std::shared_ptr<Client>> clients_;
  std::thread acceptor_;
};

}  // namespace calvo::realrun::transport
