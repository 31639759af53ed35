// What a rail asks nodes without moving KV into host memory: lookups and stores.
#include <algorithm>
#include <utility>
#include <vector>

#include "control/storage_placement.hpp"
#include "core/contract.hpp"
#include "realrun/engine/rail.hpp"

namespace calvo::realrun {

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
  const auto made = lookups_.emplace(next_serial_++, Lookup{}).first;
  Lookup& lookup = made->second;
  lookup.order = std::move(order);
  lookup.counts.assign(lookup.order.pieces.size(), 0);
  lookup.known = lookup.counts;
  lookup.issued = clock_.now();
  ask(made, 0, lookup.order.pieces.size());
}

/// Asks all nodes for what follows the blocks that are known of pieces [from, to).
void Rail::ask(Lookups::iterator found, std::size_t from, std::size_t to) {
  Lookup& lookup = found->second;
  for (std::size_t piece = from; piece < to; ++piece) lookup.known[piece] = lookup.counts[piece];
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].link) continue;  // a node that is away has nothing
    std::vector<BlockRun> runs;
    Call call{Call::Kind::lookup, found->first, StorageId{i}, {}, 0};
    for (std::size_t piece = from; piece < to; ++piece) {
      const LookupOrder::Piece& it = lookup.order.pieces[piece];
      if (std::ranges::find(it.nodes, StorageId{i}) == it.nodes.end()) continue;
      runs.push_back(behind(it.blocks, lookup.known[piece]));
      call.pieces.push_back(piece);
    }
    if (runs.empty()) continue;
    const std::uint64_t tag = next_serial_++;
    calls_.emplace(tag, std::move(call));
    nodes_[i].link->lookup(tag, runs);
    ++lookup.open;
  }
  if (lookup.open == 0) finish_lookup(found);
}

void Rail::looked_up(const NodeReply& reply, const Call& call) {
  const auto found = lookups_.find(call.serial);
  CALVO_EXPECT(found != lookups_.end());
  Lookup& lookup = found->second;
  if (reply.kind == NodeReply::Kind::lookup) {
    CALVO_EXPECT(reply.counts.size() == call.pieces.size());
    for (std::size_t i = 0; i < call.pieces.size(); ++i) {
      std::int32_t& best = lookup.counts[call.pieces[i]];
      best = std::max(best, lookup.known[call.pieces[i]] + reply.counts[i]);
    }
  }
  if (--lookup.open == 0) looked_everywhere(found);
}

/// Where the stored prefix ends within a piece, another replica may have what follows: a fetch
/// goes on there, too, where a node has no more.
void Rail::looked_everywhere(Lookups::iterator found) {
  const Lookup& lookup = found->second;
  std::size_t last = 0;
  while (last < lookup.counts.size() &&
         lookup.counts[last] == lookup.order.pieces[last].blocks.count) {
    ++last;
  }
  if (last < lookup.counts.size() && lookup.counts[last] > lookup.known[last] &&
      lookup.order.pieces[last].nodes.size() > 1) {
    ask(found, last, last + 1);
  } else {
    finish_lookup(found);
  }
}

void Rail::finish_lookup(Lookups::iterator found) {
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
  // One call, so that the node keeps what it has of the run until all has come.
  const std::vector<BlockSlot>& blocks = store.order.blocks;
  const BlockRun run{blocks.front().block, static_cast<std::int32_t>(blocks.size())};
  std::vector<std::span<const std::byte>> slots;
  for (const BlockSlot& block : blocks) {
    CALVO_EXPECT(block.block == block_of(run, std::ssize(slots)));
    slots.emplace_back(block.slot, static_cast<std::size_t>(settings_.format.used()));
  }
  const std::uint64_t tag = next_serial_++;
  calls_.emplace(tag, Call{Call::Kind::store, serial, store.order.node, {}, 0});
  node(store.order.node).link->store(tag, run, slots);
}

void Rail::stored(const NodeReply& reply, const Call& call) {
  const auto found = stores_.find(call.serial);
  CALVO_EXPECT(found != stores_.end());
  if (reply.kind != NodeReply::Kind::stored) {
    finish_store(found, control::TransferStatus::missing);
    return;
  }
  found->second.stored = reply.written;
  report_.stored += Bytes{reply.written * settings_.format.used()};
  finish_store(found, control::TransferStatus::ok);
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
