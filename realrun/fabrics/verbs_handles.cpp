#include "realrun/fabrics/verbs_handles.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>

namespace calvo::realrun::verbs {
namespace {

constexpr int deepest_read_queue = 16;

std::string_view remedy(int error) {
  switch (error) {
    case ENOMEM:
    case EAGAIN:
      return "; raise the limit of locked memory (ulimit -l) or make the pool smaller";
    case EMFILE:
      return "; raise the limit of open files (ulimit -n)";
    case EACCES:
    case EPERM:
      return "; the user must be allowed to open /dev/infiniband/*";
    default:
      return "";
  }
}

}  // namespace

std::runtime_error system_error(std::string_view what, int error) {
  return std::runtime_error(fmt::format("{}: {}{}", what, std::strerror(error), remedy(error)));
}

void do_not_block(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    throw system_error("fcntl", errno);
  }
}

EventChannel make_event_channel() {
  EventChannel channel(rdma_create_event_channel());
  if (!channel) {
    throw system_error("the RDMA connection manager cannot be opened (module rdma_ucm)", errno);
  }
  do_not_block(channel->fd);
  return channel;
}

CmId make_id(rdma_event_channel& channel) {
  rdma_cm_id* id = nullptr;
  if (rdma_create_id(&channel, &id, nullptr, RDMA_PS_TCP) != 0) {
    throw system_error("rdma_create_id", errno);
  }
  return CmId(id);
}

std::optional<Event> next_event(rdma_event_channel& channel) {
  rdma_cm_event* raw = nullptr;
  if (rdma_get_cm_event(&channel, &raw) != 0) {
    if (errno == EAGAIN || errno == EINTR) return std::nullopt;
    throw system_error("rdma_get_cm_event", errno);
  }
  Event event;
  event.type = raw->event;
  event.id = raw->id;
  event.status = raw->status;
  const bool has_data =
      raw->event == RDMA_CM_EVENT_CONNECT_REQUEST || raw->event == RDMA_CM_EVENT_CONNECT_RESPONSE ||
      raw->event == RDMA_CM_EVENT_ESTABLISHED || raw->event == RDMA_CM_EVENT_REJECTED;
  if (has_data && raw->param.conn.private_data != nullptr) {
    const auto* data = static_cast<const std::byte*>(raw->param.conn.private_data);
    event.data.assign(data, data + raw->param.conn.private_data_len);
  }
  if (raw->event == RDMA_CM_EVENT_CONNECT_REQUEST) {
    event.queue_pair = raw->param.conn.qp_num;
    event.read_depth = raw->param.conn.responder_resources;
  }
  rdma_ack_cm_event(raw);
  return event;
}

ReadDepth read_depth(ibv_context& device) {
  ibv_device_attr attributes{};
  if (const int error = ibv_query_device(&device, &attributes); error != 0) {
    throw system_error("ibv_query_device", error);
  }
  const auto bounded = [](int count) {
    return static_cast<std::uint8_t>(std::clamp(count, 1, deepest_read_queue));
  };
  return {bounded(attributes.max_qp_init_rd_atom), bounded(attributes.max_qp_rd_atom)};
}

SocketAddress resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    throw std::runtime_error(fmt::format("\"{}\": {}", host, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, Destroy<::freeaddrinfo>> owner(list);
  SocketAddress address;
  std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
  return address;
}

}  // namespace calvo::realrun::verbs
