// Fetches of a rail: leased, posted within the window, verified, told.
#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "core/contract.hpp"
#include "realrun/engine/rail.hpp"

namespace calvo::realrun {

using control::TransferStatus;

void Rail::order(FetchOrder order) {
  CALVO_EXPECT(!order.blocks.empty());
  const std::uint64_t serial = next_serial_++;
  const auto made = fetches_.emplace(serial, Fetch{}).first;
  Fetch& fetch = made->second;
  fetch.order = std::move(order);
  fetch.issued = fetch.began = clock_.now();
  fetch_of_run_.emplace(raw(fetch.order.run), serial);
  NodeLink* link = node(fetch.order.node).link.get();
  if (link == nullptr) {  // lost before the control plane knew
    const RunId run = fetch.order.run;
    end(made, TransferStatus::timeout);
    control::Event drained;
    drained.kind = control::EventKind::drained;
    drained.run = run;
    tell(drained, Instant{});
    return;
  }
  const std::vector<BlockSlot>& blocks = fetch.order.blocks;
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t end = first + 1;
    while (end < blocks.size() && raw(blocks[end].block) == raw(blocks[end - 1].block) + 1) ++end;
    const auto count = static_cast<std::int32_t>(end - first);
    const std::uint64_t tag = next_serial_++;
    calls_.emplace(tag, Call{Call::Kind::lease, serial, fetch.order.node, {}, count});
    link->lease(tag, {blocks[first].block, count});
    ++fetch.open_leases;
    first = end;
  }
}

void Rail::leased(const NodeReply& reply, const Call& call) {
  const auto found = fetches_.find(call.serial);
  CALVO_EXPECT(found != fetches_.end());  // it waits for its leases, or its node is lost
  Fetch& fetch = found->second;
  const std::uint64_t stride = static_cast<std::uint64_t>(node(call.node).link->info().slot_stride);
  if (reply.kind == NodeReply::Kind::lease && !reply.slots.empty()) {
    fetch.leases.push_back(reply.lease);
  }
  const auto granted =
      static_cast<std::int32_t>(reply.kind == NodeReply::Kind::lease ? reply.slots.size() : 0);
  CALVO_EXPECT(granted <= call.blocks);
  if (fetch.granted_all) {
    for (const std::uint64_t slot : reply.slots) fetch.offsets.push_back(slot * stride);
    fetch.granted_all = granted == call.blocks;
  }
  if (--fetch.open_leases > 0) return;
  const Instant now = clock_.now();
  report_.lease_s.push_back(to_seconds(now - fetch.issued).count());
  fetch.began = now;
  finish_if_over(found);
}

bool Rail::may_post(const Fetch& fetch) const {
  return fetch.open_leases == 0 && !fetch.stops() && fetch.posted < fetch.granted() &&
         fetch.outstanding < run_window_;
}

/// Posts blocks of the node's fetches in turn, as many as there is room for.
void Rail::pump(StorageId id) {
  Node& it = node(id);
  const std::int64_t depth = it.depth.depth();
  if (!it.peer || it.failed || it.outstanding >= depth) return;
  std::vector<Read> chain;
  std::vector<std::uint64_t> owners;
  auto next = fetches_.upper_bound(it.served);
  std::size_t idle = 0;  // fetches looked at in a row that had nothing to post
  while (it.outstanding + static_cast<std::int64_t>(chain.size()) < depth &&
         idle < fetches_.size()) {
    if (next == fetches_.end()) next = fetches_.begin();
    Fetch& fetch = next->second;
    if (fetch.order.node != id || !may_post(fetch)) {
      ++idle;
      ++next;
      continue;
    }
    idle = 0;
    const auto block = static_cast<std::size_t>(fetch.posted);
    const std::uint64_t cookie = next_serial_++;
    posted_.emplace(cookie, Posted{next->first, fetch.posted, id});
    chain.push_back(
        {fetch.offsets[block],
         {fetch.order.blocks[block].slot, static_cast<std::size_t>(settings_.format.used())},
         cookie,
         true});
    owners.push_back(next->first);
    ++fetch.posted;
    ++fetch.outstanding;
    it.served = next->first;
    ++next;
  }
  if (chain.empty()) return;
  const std::size_t taken = fabric_->post(*it.peer, chain);
  CALVO_ENSURE(taken <= chain.size());
  it.outstanding += static_cast<std::int64_t>(taken);
  const Instant now = clock_.now();
  it.depth.posted(now, static_cast<std::int64_t>(taken));
  for (std::size_t i = 0; i < taken; ++i) reading_.begin(now);
  for (std::size_t i = chain.size(); i-- > taken;) {  // no room for these now
    posted_.erase(chain[i].cookie);
    Fetch& fetch = fetches_.at(owners[i]);
    --fetch.posted;
    --fetch.outstanding;
  }
}

std::size_t Rail::poll_fabric() {
  ReadDone done[64];
  const std::size_t count = fabric_->poll(done);
  if (count == 0) return 0;
  const Instant now = clock_.now();
  for (std::size_t i = 0; i < count; ++i) complete(done[i], now);
  return count;
}

void Rail::complete(const ReadDone& done, Instant now) {
  const auto entry = posted_.find(done.cookie);
  CALVO_EXPECT(entry != posted_.end());
  const Posted read = entry->second;
  posted_.erase(entry);
  reading_.end(now);
  Node& from = node(read.node);
  --from.outstanding;
  from.depth.completed(now, 1, done.status == ReadStatus::ok ? 1 : 0);
  if (done.status == ReadStatus::ok) from.blocks.heard(now);
  if (done.status == ReadStatus::peer_gone || done.status == ReadStatus::flushed) {
    from.failed = true;
  }
  const auto found = fetches_.find(read.fetch);
  if (found == fetches_.end()) return;  // given up meanwhile
  Fetch& fetch = found->second;
  --fetch.outstanding;
  if (done.status == ReadStatus::refused) fetch.missing = true;
  // Blocks land in order: behind one that failed, none counts.
  if (done.status == ReadStatus::ok && read.block == fetch.landed && !fetch.corrupt &&
      !fetch.missing) {
    from.failures = 0;
    landed(fetch);
  }
  if (!from.failed) finish_if_over(found);
}

/// The next block is in its slot: is it good?
void Rail::landed(Fetch& fetch) {
  const BlockSlot& block = fetch.order.blocks[static_cast<std::size_t>(fetch.landed)];
  report_.read += Bytes{settings_.format.used()};
  if (settings_.verify) {
    const Instant before = clock_.now();
    const BlockCheck check = check_block(
        settings_.format, {block.slot, static_cast<std::size_t>(settings_.format.used())},
        block.block, settings_.config);
    report_.verify += clock_.now() - before;
    ++report_.verified_blocks;
    if (check != BlockCheck::ok) {
      ++report_.corrupt_blocks;
      fetch.corrupt = true;
      return;
    }
  }
  ++fetch.landed;
  fetch.order.progress->landed.store(fetch.landed);
  copy_thread_.ring();
}

/// Ends the fetch if nothing of it is outstanding and nothing is left to post.
bool Rail::finish_if_over(Fetches::iterator found) {
  const Fetch& fetch = found->second;
  if (fetch.open_leases > 0 || fetch.outstanding > 0) return false;
  if (fetch.landed == fetch.total()) {
    end(found, TransferStatus::ok);
  } else if (fetch.corrupt) {
    end(found, TransferStatus::corrupt);
  } else if (fetch.cut) {
    end(found, TransferStatus::cut);
  } else if (fetch.missing || fetch.landed == fetch.granted()) {
    end(found, TransferStatus::missing);
  } else {
    return false;
  }
  return true;
}

/// Tells the end of the fetch, then lets the copy behind it end.
void Rail::end(Fetches::iterator found, TransferStatus status) {
  Fetch fetch = std::move(found->second);
  fetch_of_run_.erase(raw(fetch.order.run));
  fetches_.erase(found);
  if (NodeLink* link = node(fetch.order.node).link.get(); link != nullptr) {
    // The deepest first, so that the beginning ends as the most recently used.
    for (std::size_t i = fetch.leases.size(); i-- > 0;) link->release(fetch.leases[i]);
  }
  control::Event done;
  done.kind = control::EventKind::fetch_done;
  done.run = fetch.order.run;
  done.blocks = fetch.landed;
  done.status = status;
  tell(done, fetch.began);
  fetch.order.progress->over.store(true);
  copy_thread_.ring();
}

}  // namespace calvo::realrun
