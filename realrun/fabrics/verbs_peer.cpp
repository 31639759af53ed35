#include "realrun/fabrics/verbs_peer.hpp"

#include <array>

#include "core/contract.hpp"

namespace calvo::realrun::verbs {
namespace {

ReadStatus status_of(ibv_wc_status status) {
  // The target NIC has looked at the key and the range, and said no.
  const bool refused = status == IBV_WC_REM_ACCESS_ERR || status == IBV_WC_REM_INV_REQ_ERR;
  return refused ? ReadStatus::refused : ReadStatus::peer_gone;
}

}  // namespace

Peer::Peer(Link link, const LocalMemory& memory, const QueueLimits& limits,
           transport::Completions& done)
    : link_(std::move(link)),
      memory_(memory),
      reads_(limits),
      done_(done),
      requests_(link_.depth),
      targets_(link_.depth) {
  CALVO_EXPECT(limits.slices <= link_.depth);
}

std::size_t Peer::post(std::span<const Read> chain) {
  if (link_.pair) {
    const std::size_t taken = reads_.accept(chain);
    post_slices();
    return taken;
  }
  for (const Read& read : chain) {
    done_.push_back({read.cookie, told_ ? ReadStatus::flushed : ReadStatus::peer_gone});
    told_ = true;
  }
  return chain.size();
}

void Peer::post_slices() {
  if (!link_.pair) return;
  // Not left to the NIC: one of the iWARP kind would end the connection and not say why.
  if (reads_.at_wrong_read()) return fail(ReadStatus::refused);
  const std::span<const Slice> chain = reads_.next_chain();
  if (chain.empty()) return;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Slice& slice = chain[i];
    targets_[i] = {.addr = reinterpret_cast<std::uint64_t>(slice.into.data()),
                   .length = static_cast<std::uint32_t>(slice.into.size()),
                   .lkey = memory_.key_of(slice.into)};
    ibv_send_wr& request = requests_[i];
    request = {};
    request.wr_id = slice.number;
    request.next = i + 1 < chain.size() ? &requests_[i + 1] : nullptr;
    request.sg_list = &targets_[i];
    request.num_sge = 1;
    request.opcode = IBV_WR_RDMA_READ;
    request.send_flags = slice.signalled ? unsigned{IBV_SEND_SIGNALED} : 0U;
    request.wr.rdma.remote_addr = link_.grant.address + slice.offset;
    request.wr.rdma.rkey = link_.grant.key;
  }
  ibv_send_wr* rest = nullptr;
  if (ibv_post_send(link_.id->qp, requests_.data(), &rest) != 0) fail(ReadStatus::peer_gone);
}

bool Peer::harvest() {
  if (!link_.pair) return false;
  bool found = false;
  std::array<ibv_wc, 16> completions;
  for (;;) {
    const int count = ibv_poll_cq(link_.queue.get(), completions.size(), completions.data());
    if (count < 0) {
      fail(ReadStatus::peer_gone);
      return true;
    }
    for (const ibv_wc& completion : std::span(completions).first(static_cast<std::size_t>(count))) {
      if (completion.status != IBV_WC_SUCCESS) {
        // Those before it have landed, signalled or not.
        reads_.landed_before(completion.wr_id, done_);
        fail(status_of(completion.status));
        return true;
      }
      reads_.landed(completion.wr_id, done_);
    }
    found = found || count > 0;
    if (static_cast<std::size_t>(count) < completions.size()) break;
  }
  if (found) post_slices();
  return found;
}

void Peer::arm() {
  if (!link_.pair || armed_) return;
  if (ibv_req_notify_cq(link_.queue.get(), 0) != 0) return fail(ReadStatus::peer_gone);
  armed_ = true;
}

void Peer::take_wake_up() {
  ibv_cq* queue = nullptr;
  void* context = nullptr;
  while (ibv_get_cq_event(link_.completions.get(), &queue, &context) == 0) {
    ibv_ack_cq_events(queue, 1);
    armed_ = false;
  }
}

void Peer::take_events() {
  while (const auto event = next_event(*link_.events)) {
    switch (event->type) {
      case RDMA_CM_EVENT_DISCONNECTED:
      case RDMA_CM_EVENT_DEVICE_REMOVAL:
      case RDMA_CM_EVENT_CONNECT_ERROR:
        harvest();  // what came before the end counts
        fail(ReadStatus::peer_gone);
        break;
      default:
        break;
    }
  }
}

void Peer::fail(ReadStatus status) {
  link_.pair.reset();  // first: from here on, nothing can land
  const bool tells = !reads_.idle();
  reads_.give_back(told_ ? ReadStatus::flushed : status, done_);
  told_ = told_ || tells;
}

void Peer::hang_up() {
  rdma_disconnect(link_.id.get());
  fail(ReadStatus::flushed);
}

}  // namespace calvo::realrun::verbs
