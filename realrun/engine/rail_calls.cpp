// What a rail asks nodes without moving KV into host memory: lookups and stores.
#include <algorithm>
#include <utility>
#include <vector>

#include "core/contract.hpp"
#include "realrun/engine/rail.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t bytes_per_store = 4 << 20;  // a call copies its blocks

}  // namespace

void Rail::answer(const NodeReply& reply) {
  if (reply.kind == NodeReply::Kind::gone) return;  // the link is no longer alive: lose() ends all
  const auto entry = calls_.find(reply.tag);
  CALVO_EXPECT(entry != calls_.end());
  const Call call = std::move(entry->second);
  calls_.erase(entry);
  switch (call.kind) {
    case Call::Kind::lookup:
      looked_up(reply, call);
      return;
    case Call::Kind::lease:
      leased(reply, call);
      return;
    case Call::Kind::store:
      stored(reply, call);
      return;
  }
}

void Rail::order(LookupOrder order) {
  const std::uint64_t serial = next_serial_++;
  const auto made = lookups_.emplace(serial, Lookup{}).first;
  Lookup& lookup = made->second;
  lookup.order = std::move(order);
  lookup.counts.assign(lookup.order.pieces.size(), 0);
  lookup.issued = clock_.now();
  lookup.deadline = lookup.issued + settings_.limit;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].link) continue;  // a node that is away has nothing
    std::vector<BlockRun> runs;
    Call call{Call::Kind::lookup, serial, StorageId{i}, {}, 0};
    for (std::size_t piece = 0; piece < lookup.order.pieces.size(); ++piece) {
      const LookupOrder::Piece& it = lookup.order.pieces[piece];
      if (std::ranges::find(it.nodes, StorageId{i}) == it.nodes.end()) continue;
      runs.push_back(it.blocks);
      call.pieces.push_back(piece);
    }
    if (runs.empty()) continue;
    const std::uint64_t tag = next_serial_++;
    calls_.emplace(tag, std::move(call));
    nodes_[i].link->lookup(tag, runs);
    ++lookup.open;
  }
  if (lookup.open == 0) finish_lookup(made);
}

void Rail::looked_up(const NodeReply& reply, const Call& call) {
  const auto found = lookups_.find(call.serial);
  CALVO_EXPECT(found != lookups_.end());
  Lookup& lookup = found->second;
  if (reply.kind == NodeReply::Kind::lookup) {
    CALVO_EXPECT(reply.counts.size() == call.pieces.size());
    for (std::size_t i = 0; i < call.pieces.size(); ++i) {
      std::int32_t& best = lookup.counts[call.pieces[i]];
      best = std::max(best, reply.counts[i]);
    }
  }
  if (--lookup.open == 0) finish_lookup(found);
}

void Rail::finish_lookup(std::map<std::uint64_t, Lookup>::iterator found) {
  const Lookup& lookup = found->second;
  control::Event done;
  done.kind = control::EventKind::lookup_done;
  done.run = lookup.order.run;
  done.blocks = lookup.order.from;
  for (std::size_t i = 0; i < lookup.counts.size(); ++i) {
    done.blocks += std::min(lookup.counts[i], lookup.order.pieces[i].blocks.count);
    if (lookup.counts[i] < lookup.order.pieces[i].blocks.count) break;
  }
  report_.lookup_s.push_back(to_seconds(clock_.now() - lookup.issued).count());
  tell(done, lookup.issued);
  lookups_.erase(found);
}

void Rail::order(StoreOrder order) {
  const std::uint64_t serial = next_serial_++;
  const auto made = stores_.emplace(serial, Store{}).first;
  Store& store = made->second;
  store.order = std::move(order);
  store.began = clock_.now();
  storing_.begin(store.began);
  if (!node(store.order.node).link) {
    finish_store(made, control::TransferStatus::timeout);
    return;
  }
  send_blocks(serial, store);
}

/// The next of its blocks that have consecutive names, as many as one call may carry.
void Rail::send_blocks(std::uint64_t serial, Store& store) {
  const std::vector<BlockSlot>& blocks = store.order.blocks;
  const auto used = static_cast<std::size_t>(settings_.format.used());
  const std::size_t most =
      std::max<std::size_t>(1, static_cast<std::size_t>(bytes_per_store) / used);
  std::vector<std::span<const std::byte>> slots;
  const std::size_t first = store.sent;
  do {
    slots.emplace_back(blocks[store.sent].slot, used);
    ++store.sent;
  } while (store.sent < blocks.size() && slots.size() < most &&
           raw(blocks[store.sent].block) == raw(blocks[store.sent - 1].block) + 1);
  store.deadline = clock_.now() + settings_.limit;
  const std::uint64_t tag = next_serial_++;
  calls_.emplace(tag, Call{Call::Kind::store, serial, store.order.node, {}, 0});
  node(store.order.node)
      .link->store(tag, {blocks[first].block, static_cast<std::int32_t>(slots.size())}, slots);
}

void Rail::stored(const NodeReply& reply, const Call& call) {
  const auto found = stores_.find(call.serial);
  CALVO_EXPECT(found != stores_.end());
  Store& store = found->second;
  if (reply.kind != NodeReply::Kind::stored) {
    finish_store(found, control::TransferStatus::missing);
    return;
  }
  store.stored += reply.blocks;
  report_.stored += Bytes{reply.blocks * settings_.format.used()};
  if (store.sent < store.order.blocks.size()) {
    send_blocks(call.serial, store);
  } else {
    finish_store(found, control::TransferStatus::ok);
  }
}

void Rail::finish_store(std::map<std::uint64_t, Store>::iterator found,
                        control::TransferStatus status) {
  const Store& store = found->second;
  storing_.end(clock_.now());
  control::Event done;
  done.kind = control::EventKind::store_done;
  done.run = store.order.run;
  done.blocks = store.stored;
  done.status = status;
  tell(done, store.began);
  stores_.erase(found);
}

}  // namespace calvo::realrun
