// The storage node's side of the verbs fabric: gives a key to who proves a ticket, then looks on.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/fabrics/socket.hpp"
#include "realrun/fabrics/verbs.hpp"
#include "realrun/fabrics/verbs_claim.hpp"
#include "realrun/fabrics/verbs_fabric.hpp"

namespace calvo::realrun::verbs {
namespace {

constexpr int backlog = 128;

/// A client's way to the pool. The key is worth nothing on another connection, because the
/// protection domain is this one's; and it dies with it.
struct Connection {
  CmId id;
  SessionNumber session = 0;
  ProtectionDomain domain;
  MemoryRegion region;
  CompletionQueue queue;
  QueuePair pair;
};

class Server final : public FabricServer {
public:
  Server(std::span<const std::byte> pool, const ServerOptions& options)
      : pool_(pool),
        bind_(options.bind),
        wanted_port_(options.port),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        events_(make_event_channel()),
        listener_(make_id(*events_)) {
    if (!stop_) throw system_error("eventfd", errno);
    SocketAddress address = resolve(bind_, options.port);
    if (rdma_bind_addr(listener_.get(), address.get()) != 0) throw cannot_listen(strerror(errno));
    // A loopback address can be bound, but no device answers there.
    if (listener_->verbs == nullptr && !is_wildcard()) throw cannot_listen("no device has it");
    if (rdma_listen(listener_.get(), backlog) != 0) throw cannot_listen(strerror(errno));
    port_ = ntohs(rdma_get_src_port(listener_.get()));
    if (listener_->verbs != nullptr) try_registration(*listener_->verbs);
    thread_ = std::thread([this] { serve(); });
  }

  ~Server() override {
    const std::uint64_t one = 1;
    CALVO_ENSURE(::write(stop_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
    for (auto& [id, connection] : connections_) rdma_disconnect(id);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  PoolOffer admit(const Ticket& ticket) override {
    Door door;
    door.address = is_wildcard() ? std::string() : bind_;
    door.port = port_;
    const std::lock_guard lock(mutex_);
    do {
      random_bytes(std::as_writable_bytes(std::span(&door.session, 1)));
    } while (sessions_.contains(door.session));
    sessions_.emplace(door.session, Session(ticket));
    return {"verbs", write_door(door)};
  }

  void revoke(const Ticket& ticket) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [&](const auto& entry) {
      if (std::memcmp(entry.second.ticket().bytes, ticket.bytes, sizeof ticket.bytes) != 0) {
        return false;
      }
      std::erase_if(connections_, [&](const auto& other) {
        if (other.second.session != entry.first) return false;
        rdma_disconnect(other.first);  // a courtesy; the key dies with the connection
        return true;
      });
      return true;
    });
  }

private:
  std::runtime_error cannot_listen(std::string_view why) const {
    const auto usable = verbs_addresses();
    return std::runtime_error(fmt::format(
        "cannot listen on {} port {} for RDMA: {}; {}", bind_, wanted_port_, why,
        usable.empty() ? std::string("no RDMA device here has an address")
                       : fmt::format("RDMA devices here have {}", fmt::join(usable, ", "))));
  }

  bool is_wildcard() const { return bind_ == "0.0.0.0" || bind_ == "::"; }

  MemoryRegion register_pool(ibv_pd& domain) const {
    // Registering for remote reads does not write, whatever the type says.
    return MemoryRegion(ibv_reg_mr(&domain, const_cast<std::byte*>(pool_.data()), pool_.size(),
                                   IBV_ACCESS_REMOTE_READ | IBV_ACCESS_RELAXED_ORDERING));
  }

  /// A pool that cannot be registered is better known now.
  void try_registration(ibv_context& device) const {
    const ProtectionDomain domain(ibv_alloc_pd(&device));
    if (!domain) throw system_error("ibv_alloc_pd", errno);
    if (!register_pool(*domain)) {
      throw system_error(fmt::format("a pool of {} bytes cannot be registered with {}",
                                     pool_.size(), ibv_get_device_name(device.device)),
                         errno);
    }
  }

  void serve() {
    for (;;) {
      pollfd watched[] = {{events_->fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      if (::poll(watched, 2, -1) < 0 && errno != EINTR) return;
      if (watched[1].revents != 0) return;
      while (const auto event = next_event(*events_)) handle(*event);
    }
  }

  void handle(const Event& event) {
    switch (event.type) {
      case RDMA_CM_EVENT_CONNECT_REQUEST: {
        CmId id(event.id);
        const Refusal refusal = let_in(id, event);
        if (refusal != Refusal::none && id) {
          rdma_reject(id.get(), &refusal, sizeof refusal);
        }
        break;
      }
      case RDMA_CM_EVENT_DISCONNECTED:
      case RDMA_CM_EVENT_CONNECT_ERROR:
      case RDMA_CM_EVENT_UNREACHABLE:
      case RDMA_CM_EVENT_REJECTED:
      case RDMA_CM_EVENT_DEVICE_REMOVAL: {
        const std::lock_guard lock(mutex_);
        connections_.erase(event.id);
        break;
      }
      default:
        break;
    }
  }

  /// Accepts the connection `id` and takes it, or says why not.
  Refusal let_in(CmId& id, const Event& request) {
    const auto claim = read_claim(request.data);
    if (!claim) return Refusal::malformed;
    Ticket ticket;
    {
      const std::lock_guard lock(mutex_);
      const auto session = sessions_.find(claim->session);
      if (session == sessions_.end()) return Refusal::ticket;
      const Refusal refusal = session->second.accept(*claim, request.queue_pair);
      if (refusal != Refusal::none) return refusal;
      ticket = session->second.ticket();
    }

    // To register a large pool takes time; revoke() need not wait for it.
    Connection connection;
    connection.session = claim->session;
    connection.domain.reset(ibv_alloc_pd(id->verbs));
    if (!connection.domain) return Refusal::resources;
    connection.region = register_pool(*connection.domain);
    connection.queue.reset(ibv_create_cq(id->verbs, 1, nullptr, nullptr, 0));
    if (!connection.region || !connection.queue) return Refusal::resources;
    ibv_qp_init_attr wanted{};
    wanted.send_cq = wanted.recv_cq = connection.queue.get();
    wanted.qp_type = IBV_QPT_RC;
    wanted.cap = {.max_send_wr = 1,
                  .max_recv_wr = 1,
                  .max_send_sge = 1,
                  .max_recv_sge = 1,
                  .max_inline_data = 0};
    if (rdma_create_qp(id.get(), connection.domain.get(), &wanted) != 0) return Refusal::resources;
    connection.pair.reset(id.get());

    const std::lock_guard lock(mutex_);
    if (!sessions_.contains(claim->session)) return Refusal::ticket;
    const Grant grant{reinterpret_cast<std::uint64_t>(pool_.data()), pool_.size(),
                      connection.region->rkey};
    const Bytestring answer = write_grant(grant, *claim, ticket);
    rdma_conn_param parameters{};
    parameters.private_data = answer.data();
    parameters.private_data_len = static_cast<std::uint8_t>(answer.size());
    parameters.responder_resources = std::min(request.read_depth, read_depth(*id->verbs).as_target);
    parameters.initiator_depth = 0;  // this side reads nothing
    parameters.rnr_retry_count = 7;
    if (rdma_accept(id.get(), &parameters) != 0) return Refusal::resources;
    rdma_cm_id* const key = id.get();
    connection.id = std::move(id);
    connections_.emplace(key, std::move(connection));
    return Refusal::none;
  }

  std::span<const std::byte> pool_;
  std::string bind_;
  std::uint16_t wanted_port_;
  transport::Fd stop_;
  EventChannel events_;
  CmId listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<SessionNumber, Session> sessions_;
  std::map<rdma_cm_id*, Connection> connections_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<FabricServer> make_server(std::span<const std::byte> pool,
                                          const ServerOptions& options) {
  return std::make_unique<Server>(pool, options);
}

}  // namespace calvo::realrun::verbs
