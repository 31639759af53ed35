#include "realrun/fabrics/verbs_dial.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>
#include <poll.h>

namespace calvo::realrun::verbs {
namespace {

/// Work requests posted at a time: enough that the NIC has the next READs at hand while we look
/// away, few enough that an order decided now is not long out of date.
constexpr std::size_t posted_per_read_in_flight = 4;

/// Time until a packet that nobody acknowledges is sent again: 4.096 us * 2^15 = 134 ms. It must be
/// longer than the queue in front of a slow link (2 MiB at 1 Gbit/s: 17 ms for each peer), and
/// eight of them tell that a machine is gone, which is about 1 s. The default of the connection
/// manager is 2 s for one.
constexpr std::uint8_t acknowledge_timeout = 15;
constexpr std::uint8_t retries = 7;

class Dialler {
public:
  Dialler(std::string_view host, std::uint16_t port, transport::Deadline deadline)
      : place_(fmt::format("{} port {}", host, port)), deadline_(deadline) {
    link_.host = host;
    link_.events = make_event_channel();
    link_.id = make_id(*link_.events);
    const std::uint8_t timeout = acknowledge_timeout;
    // Before the route is resolved: it is part of the route of a RoCE device. Devices of the iWARP
    // kind have none.
    rdma_set_option(link_.id.get(), RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT,
                    const_cast<std::uint8_t*>(&timeout), sizeof timeout);
  }

  void find_route(SocketAddress address) {
    must(rdma_resolve_addr(link_.id.get(), nullptr, address.get(), milliseconds_left()),
         "no RDMA device leads there");
    await(RDMA_CM_EVENT_ADDR_RESOLVED);
    must(rdma_resolve_route(link_.id.get(), milliseconds_left()), "no route");
    await(RDMA_CM_EVENT_ROUTE_RESOLVED);
  }

  void make_queue_pair(ibv_pd& domain) {
    ibv_context& device = *link_.id->verbs;
    reads_ = read_depth(device).as_reader;
    link_.depth = posted_per_read_in_flight * reads_;
    link_.completions.reset(ibv_create_comp_channel(&device));
    must(link_.completions ? 0 : -1, "ibv_create_comp_channel");
    do_not_block(link_.completions->fd);
    // Room for a completion of each work request, should all of them fail.
    link_.queue.reset(ibv_create_cq(&device, static_cast<int>(link_.depth) + 1, nullptr,
                                    link_.completions.get(), 0));
    must(link_.queue ? 0 : -1, "ibv_create_cq");
    ibv_qp_init_attr wanted{};
    wanted.send_cq = wanted.recv_cq = link_.queue.get();
    wanted.qp_type = IBV_QPT_RC;
    wanted.cap.max_send_wr = static_cast<std::uint32_t>(link_.depth);
    wanted.cap.max_recv_wr = wanted.cap.max_send_sge = wanted.cap.max_recv_sge = 1;
    must(rdma_create_qp(link_.id.get(), &domain, &wanted), "rdma_create_qp");
    link_.pair.reset(link_.id.get());
  }

  void connect(SessionNumber session, const Ticket& ticket) {
    const bool iwarp = link_.id->verbs->device->transport_type == IBV_TRANSPORT_IWARP;
    const Claim claim = make_claim(session, ticket, iwarp ? 0 : link_.id->qp->qp_num);
    const Bytestring request = write_claim(claim);
    rdma_conn_param parameters{};
    parameters.private_data = request.data();
    parameters.private_data_len = static_cast<std::uint8_t>(request.size());
    parameters.initiator_depth = reads_;
    parameters.responder_resources = 0;  // nobody reads here
    parameters.retry_count = retries;
    parameters.rnr_retry_count = retries;
    must(rdma_connect(link_.id.get(), &parameters), "rdma_connect");
    const Event answer = await(RDMA_CM_EVENT_ESTABLISHED);
    const auto grant = read_grant(answer.data, claim, ticket);
    if (!grant) throw failure("who listens there does not hold the ticket");
    link_.grant = *grant;
  }

  ibv_context& device() const { return *link_.id->verbs; }
  Link take() { return std::move(link_); }

private:
  std::runtime_error failure(std::string_view problem) const {
    return std::runtime_error(fmt::format("{}: {}", place_, problem));
  }

  void must(int result, std::string_view what) const {
    if (result != 0) throw system_error(fmt::format("{}: {}", place_, what), errno);
  }

  int milliseconds_left() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 1'000'000));
  }

  Event await(rdma_cm_event_type wanted) {
    for (;;) {
      if (auto event = next_event(*link_.events)) {
        if (event->type == wanted) return std::move(*event);
        throw failure(explain(*event));
      }
      if (!transport::wait_for(link_.events->fd, POLLIN, deadline_)) {
        throw failure("no answer from the storage node in time");
      }
    }
  }

  static std::string explain(const Event& event) {
    switch (event.type) {
      case RDMA_CM_EVENT_ADDR_ERROR:
      case RDMA_CM_EVENT_ROUTE_ERROR:
        return "no RDMA device leads there";
      case RDMA_CM_EVENT_UNREACHABLE:
        return "unreachable";
      case RDMA_CM_EVENT_REJECTED: {
        const auto reason =
            event.data.empty() ? Refusal::none : static_cast<Refusal>(event.data.front());
        if (reason == Refusal::none) return "nobody listens there";
        return fmt::format("the storage node refuses: {}", explanation(reason));
      }
      default:
        return fmt::format("{} ({})", rdma_event_str(event.type), event.status);
    }
  }

  std::string place_;
  transport::Deadline deadline_;
  Link link_;
  std::uint8_t reads_ = 1;
};

}  // namespace

Link dial(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
          const DomainOf& domain_of, transport::Deadline deadline) {
  const Door door = read_door(offer);
  const std::string target = door.address.empty() ? std::string(host) : door.address;
  Dialler dialler(target, door.port, deadline);
  dialler.find_route(resolve(target, door.port));
  dialler.make_queue_pair(domain_of(dialler.device()));
  dialler.connect(door.session, ticket);
  return dialler.take();
}

}  // namespace calvo::realrun::verbs
