// Owners of what libibverbs and librdmacm hand out, and one way to say what they could not do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "realrun/wire/bytes.hpp"

namespace calvo::realrun::verbs {

template <auto destroy>
struct Destroy {
  template <class Handle>
  void operator()(Handle* handle) const {
    destroy(handle);
  }
};

using EventChannel = std::unique_ptr<rdma_event_channel, Destroy<rdma_destroy_event_channel>>;
using CmId = std::unique_ptr<rdma_cm_id, Destroy<rdma_destroy_id>>;
using ProtectionDomain = std::unique_ptr<ibv_pd, Destroy<ibv_dealloc_pd>>;
using MemoryRegion = std::unique_ptr<ibv_mr, Destroy<ibv_dereg_mr>>;
using CompletionChannel = std::unique_ptr<ibv_comp_channel, Destroy<ibv_destroy_comp_channel>>;
using CompletionQueue = std::unique_ptr<ibv_cq, Destroy<ibv_destroy_cq>>;
/// The queue pair that librdmacm has made for an id, which must live longer.
using QueuePair = std::unique_ptr<rdma_cm_id, Destroy<rdma_destroy_qp>>;

/// What errno says, with the remedy where there is a usual one.
std::runtime_error system_error(std::string_view what, int error);

/// A channel whose descriptor does not block.
EventChannel make_event_channel();
CmId make_id(rdma_event_channel& channel);
void do_not_block(int fd);

/// What the connection manager reports, copied, so that nothing of it is held back: an id cannot be
/// destroyed while an event of it is.
struct Event {
  rdma_cm_event_type type{};
  rdma_cm_id* id = nullptr;  ///< may be gone already
  int status = 0;
  Bytestring data;  ///< private data of the other side
  std::uint32_t queue_pair = 0;
  std::uint8_t read_depth = 0;  ///< of a request: READs that the other side wants in flight
};
/// Nothing if none waits. Throws std::runtime_error.
std::optional<Event> next_event(rdma_event_channel& channel);

/// READs that a device can have in flight on one queue pair, on this side and on the other; kept
/// small enough for every NIC and large enough for 400 Gbit/s over 40 us with slices of 128 KiB.
struct ReadDepth {
  std::uint8_t as_reader = 1;
  std::uint8_t as_target = 1;
};
ReadDepth read_depth(ibv_context& device);

/// The address of a host name or number. Throws std::runtime_error.
struct SocketAddress {
  sockaddr_storage storage{};
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};
SocketAddress resolve(const std::string& host, std::uint16_t port);

}  // namespace calvo::realrun::verbs
