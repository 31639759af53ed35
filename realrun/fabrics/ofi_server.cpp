// The storage node's side of the ofi fabric: an endpoint and a read-only key for each session, and
// a thread that gives the provider time, since most providers in software need it.
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>

#include "realrun/fabrics/ofi_link.hpp"
#include "realrun/fabrics/ofi_protocol.hpp"
#include "realrun/fabrics/session.hpp"

namespace calvo::realrun::ofi {
namespace {

using transport::Connection;
using transport::SessionId;

constexpr Nanoseconds hello_limit = std::chrono::seconds{10};
/// A provider may forget to wake us; nothing waits longer than this for it.
constexpr Nanoseconds longest_sleep = std::chrono::milliseconds{2};
/// Between looks at a provider that cannot wake us.
constexpr Nanoseconds nap = std::chrono::microseconds{50};

template <class T>
std::span<std::byte> writable(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

/// Lets the provider work until the connection ends.
void progress(Endpoint& endpoint, Connection& connection) {
  Nanoseconds sleep{0};
  while (connection.wait_beside(endpoint.wait_fd(), sleep)) {
    fi_cq_entry entry{};
    const ssize_t got = fi_cq_read(endpoint.queue(), &entry, 1);
    if (got == -FI_EAVAIL) {
      fi_cq_err_entry error{};
      fi_cq_readerr(endpoint.queue(), &error, 0);
    }
    if (got != -FI_EAGAIN) {
      sleep = Nanoseconds{0};
    } else if (endpoint.wait_fd() < 0) {
      sleep = nap;
    } else {
      sleep = endpoint.may_sleep() ? longest_sleep : Nanoseconds{0};
    }
  }
}

class Server final : public FabricServer {
public:
  Server(std::string name, std::string provider, std::span<const std::byte> pool,
         const ServerOptions& options)
      : name_(std::move(name)),
        provider_(std::move(provider)),
        pool_(pool),
        listener_(options.bind, options.port,
                  [this](Connection& connection, const SessionId& session) {
                    enter(session);
                    try {
                      serve(connection);
                    } catch (const std::runtime_error&) {
                      // libfabric has refused: the client sees the connection end.
                    }
                    leave(session);
                  }) {}

  PoolOffer admit(const Ticket& ticket) override { return {name_, listener_.admit(ticket)}; }

  void revoke(const Ticket& ticket) override {
    const std::optional<SessionId> session = listener_.revoke(ticket);
    if (!session) return;
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return !open_.contains(*session); });
  }

private:
  void enter(const SessionId& session) {
    const std::lock_guard lock(mutex_);
    ++open_[session];
  }
  void leave(const SessionId& session) {
    const std::lock_guard lock(mutex_);
    if (--open_[session] == 0) open_.erase(session);
    left_.notify_all();
  }

  void serve(Connection& connection) {
    const transport::Deadline deadline = transport::deadline_in(hello_limit);
    Hello hello;
    if (!connection.receive_before(writable(hello), deadline)) return;
    Welcome welcome;
    welcome.provider = provider_field(provider_);
    if (hello.provider != welcome.provider) {
      if (connection.send_before(writable(welcome), deadline)) connection.finish();
      return;
    }
    Domain domain(provider_, connection.local_address());
    Endpoint endpoint(domain);
    endpoint.insert_peer(hello.endpoint.view());
    const Exposed exposed(domain, endpoint, pool_);  // dies before its endpoint: the key first
    welcome.endpoint = EndpointName::of(endpoint.name());
    welcome.key = exposed.key();
    welcome.base = exposed.base();
    welcome.pool_bytes = pool_.size();
    if (connection.send_before(writable(welcome), deadline)) progress(endpoint, connection);
  }

  std::string name_;
  std::string provider_;
  std::span<const std::byte> pool_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::map<SessionId, int> open_;  ///< connections that may hold a key
  transport::SessionListener listener_;
};

}  // namespace

std::unique_ptr<FabricServer> make_server(const std::string& name, const std::string& provider,
                                          std::span<const std::byte> pool,
                                          const ServerOptions& options) {
  return std::make_unique<Server>(name, provider, pool, options);
}

}  // namespace calvo::realrun::ofi
