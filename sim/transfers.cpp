#include "sim/transfers.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/block_pieces.hpp"
#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::sim {
namespace {

using control::CommandKind;

TransferKind kind_of(CommandKind command) {
  switch (command) {
    case CommandKind::fetch:
      return TransferKind::fetch;
    case CommandKind::copy_in:
      return TransferKind::copy_in;
    case CommandKind::copy_out:
      return TransferKind::copy_out;
    default:
      CALVO_EXPECT(command == CommandKind::store);
      return TransferKind::store;
  }
}

constexpr std::uint32_t no_track = 0xffffffffU;

/// NICs and the lanes of GPUs; not the cables, switches and memories between them.
bool has_track(const std::string& link) {
  return link.find(".nic") != std::string::npos || link.find(".pcie.") != std::string::npos;
}

const char* word(TransferKind kind) {
  constexpr const char* words[] = {"network_load", "pcie_load", "pcie_store", "network_store"};
  return words[static_cast<std::size_t>(kind)];
}

}  // namespace

Transfers::Transfers(const scenarios::Scenario& scenario, World& world, const Topology& topology,
                     std::deque<control::StorageNode>& storage, Timeline& timeline,
                     TransferOwner& owner, std::uint32_t timer_kind)
    : scenario_(scenario),
      world_(world),
      topology_(topology),
      storage_(storage),
      timeline_(timeline),
      owner_(owner),
      timer_kind_(timer_kind),
      by_block_(scenario.simulation.granularity == scenarios::Granularity::block),
      exact_caps_(world.network().exact_caps()),
      block_bytes_(static_cast<double>(scenario.instance.block_bytes.count())) {
  const models::TransferModel& serving = scenario.topology.serving_nic;
  const models::TransferModel& storage_nic = scenario.topology.storage_nic;
  const models::TransferModel& pcie = scenario.gpu.pcie;
  const Bytes block = scenario.instance.block_bytes;
  const Bytes shard{block.count() / scenario.engine.tensor_parallel};
  const bool local = scenario.topology.kind == models::TopologyKind::single_node;
  const double network =
      local ? storage_nic.rate(block).count()
            : std::min(serving.rate(block).count(), storage_nic.rate(block).count());
  const Seconds latency =
      local ? storage_nic.latency : std::max(serving.latency, storage_nic.latency);
  const double lane = pcie.rate(shard).count();
  const auto set = [&](TransferKind kind, double rate, Seconds set_up) {
    caps_[static_cast<std::size_t>(kind)] = rate;
    set_up_[static_cast<std::size_t>(kind)] = scenario.engine.costs.operation + set_up;
  };
  set(TransferKind::fetch, network, latency);
  set(TransferKind::store, network, latency);
  set(TransferKind::copy_in, lane, pcie.latency);
  set(TransferKind::copy_out, lane, pcie.latency);

  const auto hosts = static_cast<std::size_t>(topology.instances());
  by_run_.resize(hosts);
  copies_.assign(hosts, 0);
  down_.assign(storage.size(), false);
  for (auto& turns : turns_) turns.assign(hosts, 0);
  for (const LinkInfo& link : topology.links()) {
    link_tracks_.push_back(has_track(link.name) ? timeline.add_track(link.name) : no_track);
  }
}

std::uint32_t Transfers::index_of(std::uint32_t host, RunId run) const {
  const std::uint32_t slot = by_run_[host][control::slot_of(run)];
  CALVO_EXPECT(slot != Transfer::none && transfers_[slot].run == run);
  return slot;
}

void Transfers::start(std::uint32_t host, const control::Command& command,
                      const RequestSpec* spec) {
  if (free_.empty()) {
    transfers_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(transfers_.size() - 1));
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Transfer& transfer = transfers_[slot];
  const std::uint64_t version = transfer.version + 1;
  std::vector<Transfer::Lane> lanes = std::move(transfer.lanes);  // keep their memory
  std::vector<BlockRun> pieces = std::move(transfer.pieces);
  control::StorageNode::Write write = std::move(transfer.write);
  lanes.clear();
  pieces.clear();
  transfer = Transfer{};
  transfer.lanes = std::move(lanes);
  transfer.pieces = std::move(pieces);
  transfer.write = std::move(write);
  transfer.version = version;
  transfer.kind = kind_of(command.kind);
  transfer.host = host;
  transfer.run = command.run;
  transfer.spec = spec;
  transfer.from = command.from;
  transfer.to = command.to;
  transfer.run_blocks = command.blocks;
  transfer.node = command.node;
  transfer.posted = world_.date();
  transfer.began = world_.date();
  transfer.blocks = spec != nullptr ? command.to - command.from : command.blocks.count;
  transfer.granted = transfer.blocks;
  if (!on_pcie(transfer)) {
    transfer.turn = turns_[transfer.kind == TransferKind::store ? 1 : 0][host]++;
  }
  transfer.factor = noise();
  auto& table = by_run_[host];
  if (table.size() <= control::slot_of(command.run)) {
    table.resize(control::slot_of(command.run) + 1, Transfer::none);
  }
  table[control::slot_of(command.run)] = slot;

  if (transfer.kind == TransferKind::copy_in && command.after != RunId{}) {
    const std::uint32_t leader = index_of(host, command.after);
    transfer.leader = leader;
    transfers_[leader].follower = slot;
    transfer.state = Transfer::State::waiting;
    followers_.push_back(slot);
    return;
  }
  transfer.state = Transfer::State::set_up;
  set_timer(slot, set_up_[static_cast<std::size_t>(transfer.kind)]);
}

void Transfers::set_timer(std::uint32_t slot, Seconds after) {
  const std::uint64_t version = ++transfers_[slot].version;
  world_.at(world_.date() + to_nanoseconds(after), {timer_kind_, 0, slot, version});
}

void Transfers::on_timer(std::uint32_t slot, std::uint64_t version) {
  Transfer& transfer = transfers_[slot];
  if (transfer.version != version || transfer.state == Transfer::State::free) return;
  transfer.check = never;
  if (transfer.state == Transfer::State::hung) {
    finish(slot);
    return;
  }
  if (transfer.state == Transfer::State::set_up) begin(slot);
  // A timer of a following copy only makes a batch happen, after which follow() looks at it.
}

void Transfers::begin(std::uint32_t slot) {
  Transfer& transfer = transfers_[slot];
  transfer.began = world_.date();
  if (!on_pcie(transfer) && is_down(transfer.node)) {
    transfer.granted = 0;
    hang(slot, transfer.posted);
    return;
  }
  const bool any = transfer.kind == TransferKind::fetch   ? lease_fetch(transfer)
                   : transfer.kind == TransferKind::store ? lease_store(transfer)
                                                          : true;
  if (!any) {
    finish(slot);
    return;
  }
  start_flows(slot);
}

bool Transfers::lease_fetch(Transfer& transfer) {
  control::StorageNode& node = storage_[raw(transfer.node)];
  transfer.granted = 0;
  bool complete = true;
  for_pieces(*transfer.spec, transfer.from, transfer.to, [&](BlockRun piece, std::int32_t) {
    if (!complete) return;
    const std::int32_t stored = node.begin_read(piece);
    if (stored > 0) transfer.pieces.push_back({piece.first, stored});
    transfer.granted += stored;
    complete = stored == piece.count;
  });
  transfer.missing = !complete;
  return transfer.granted > 0;
}

bool Transfers::lease_store(Transfer& transfer) {
  storage_[raw(transfer.node)].begin_write(transfer.run_blocks, transfer.write);
  transfer.granted = transfer.write.taken();
  return transfer.granted > 0;
}

void Transfers::release_leases(Transfer& transfer) {
  if (on_pcie(transfer)) return;
  control::StorageNode& node = storage_[raw(transfer.node)];
  for (auto piece = transfer.pieces.rbegin(); piece != transfer.pieces.rend(); ++piece) {
    node.end_read(*piece);
  }
  transfer.pieces.clear();
  node.end_write(transfer.write, transfer.timed_out ? 0 : transfer.run_blocks.count);
}

std::int32_t Transfers::shards(const Transfer& transfer) const {
  return on_pcie(transfer) ? scenario_.engine.tensor_parallel : 1;
}

std::span<const LinkId> Transfers::route(const Transfer& transfer, std::int32_t lane) const {
  const InstanceId instance{transfer.host};
  switch (transfer.kind) {
    case TransferKind::fetch:
      return topology_.network_load(transfer.node, instance, transfer.turn);
    case TransferKind::store:
      return topology_.network_store(instance, transfer.node, transfer.turn);
    case TransferKind::copy_in:
      return topology_.pcie_load(instance, lane);
    case TransferKind::copy_out:
      return topology_.pcie_store(instance, lane);
  }
  return {};
}

double Transfers::noise() {
  if (scenario_.simulation.truth_noise == 0) return 1;
  Random random(scenario_.seed ^ 0x7472616e73666572ULL, draws_++);
  return std::exp(scenario_.simulation.truth_noise * std::abs(random.normal()));
}

/// Starts the flows of what is left at run granularity, of the next block at block granularity.
void Transfers::start_flows(std::uint32_t slot) {
  Transfer& transfer = transfers_[slot];
  const bool resumed = transfer.state == Transfer::State::flowing;
  transfer.state = Transfer::State::flowing;
  const std::int32_t lanes = shards(transfer);
  const std::int32_t blocks = by_block_ ? 1 : transfer.granted;
  const double bytes = blocks * block_bytes_ / lanes;
  transfer.lanes.clear();
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    const std::span<const LinkId> links = route(transfer, lane);
    double narrowest = no_cap;
    for (const LinkId link : links) {
      narrowest = std::min(narrowest, topology_.links()[static_cast<std::size_t>(link)].capacity);
    }
    // Noise slows the whole transfer: also one that only a link would limit.
    const double bound = transfer.factor > 1
                             ? std::min(cap(transfer.kind), narrowest) / transfer.factor
                         : cap(transfer.kind) < narrowest ? cap(transfer.kind)
                                                          : no_cap;
    const std::uint64_t tag = (static_cast<std::uint64_t>(lane) << 32) | slot;
    transfer.lanes.push_back({world_.network().start({links, bytes, bound, 1, tag}), true, bytes});
  }
  if (on_pcie(transfer) && !resumed) {
    owner_.copies_changed(transfer.host, ++copies_[transfer.host]);
  }
}

double Transfers::moved_bytes(const Transfer& transfer) {
  if (transfer.state == Transfer::State::over) return transfer.granted * block_bytes_;
  double moved = transfer.moved * block_bytes_;
  if (transfer.moved >= transfer.granted) return moved;
  for (const Transfer::Lane& lane : transfer.lanes) {
    moved += lane.alive ? world_.network().moved(lane.flow) : lane.bytes;
  }
  return moved;
}

double Transfers::rate_of(const Transfer& transfer) {
  double rate = 0;
  for (const Transfer::Lane& lane : transfer.lanes) {
    if (lane.alive) rate += world_.network().rate(lane.flow);
  }
  return rate;
}

void Transfers::cap_lanes(Transfer& transfer, double cap) {
  for (const Transfer::Lane& lane : transfer.lanes) {
    if (lane.alive) world_.network().set_cap(lane.flow, cap);
  }
}

/// The lanes end after the blocks that are granted now.
void Transfers::resize(Transfer& transfer) {
  const double bytes = transfer.granted * block_bytes_ / static_cast<double>(transfer.lanes.size());
  for (Transfer::Lane& lane : transfer.lanes) {
    if (!lane.alive) continue;
    lane.bytes = std::max(bytes, world_.network().moved(lane.flow));
    world_.network().resize(lane.flow, lane.bytes);
  }
}

bool Transfers::all_done(const Transfer& transfer) {
  return std::ranges::none_of(transfer.lanes, &Transfer::Lane::alive);
}

void Transfers::cut(std::uint32_t host, RunId run) {
  const std::uint32_t slot = by_run_[host][control::slot_of(run)];
  // An engine that sees completions late may cut what is over: nothing is left to cut.
  if (slot == Transfer::none || transfers_[slot].run != run) return;
  Transfer& transfer = transfers_[slot];
  transfer.cut = true;
  if (transfer.state == Transfer::State::hung) return;  // what is posted is not heard of
  if (transfer.state == Transfer::State::set_up || transfer.state == Transfer::State::waiting) {
    transfer.granted = 0;
    finish(slot);
    return;
  }
  const control::Window& window = transfer.kind == TransferKind::fetch
                                      ? scenario_.engine.network_window
                                      : scenario_.engine.pcie_window;
  const double posted = window.bytes.count() == control::unbounded
                            ? no_cap
                            : static_cast<double>(window.bytes.count());
  const double end = std::ceil((moved_bytes(transfer) + posted) / block_bytes_ - 1e-9);
  const double least = std::max(1.0, end);
  if (least >= transfer.granted) return;  // all of it is posted
  transfer.granted = static_cast<std::int32_t>(least);
  if (!by_block_) resize(transfer);
}

void Transfers::mark_done(std::uint64_t tag) {
  Transfer& transfer = transfers_[static_cast<std::uint32_t>(tag)];
  CALVO_EXPECT(transfer.state == Transfer::State::flowing);
  transfer.lanes[tag >> 32].alive = false;
}

void Transfers::on_flow_done(std::uint64_t tag) {
  const auto slot = static_cast<std::uint32_t>(tag);
  Transfer& transfer = transfers_[slot];
  if (transfer.lanes.empty() || !all_done(transfer)) return;  // another lane's event does it
  transfer.moved = by_block_ ? transfer.moved + 1 : transfer.granted;
  transfer.lanes.clear();
  // A copy behind a fetch goes on, or ends, when its fetch says what has landed.
  if (transfer.leader != Transfer::none) return;
  if (transfer.moved >= transfer.granted) {
    finish(slot);
  } else if (!on_pcie(transfer) && is_down(transfer.node)) {
    hang(slot, world_.date());
  } else {
    start_flows(slot);
  }
}

void Transfers::node_down(StorageId node) {
  down_[raw(node)] = true;
  for (std::uint32_t slot = 0; slot < transfers_.size(); ++slot) {
    const Transfer& transfer = transfers_[slot];
    if (transfer.state != Transfer::State::flowing || on_pcie(transfer)) continue;
    if (transfer.node != node || all_done(transfer)) continue;  // done at this very date
    hang(slot, world_.date());
  }
}

void Transfers::node_up(StorageId node) {
  down_[raw(node)] = false;
}

/// Only whole blocks count; a copy behind it may have all of them.
void Transfers::hang(std::uint32_t slot, Instant last_heard) {
  Transfer& transfer = transfers_[slot];
  if (transfer.state == Transfer::State::flowing) {
    const double whole = std::floor(moved_bytes(transfer) / block_bytes_ + 1e-9);
    transfer.granted = std::min(transfer.granted, static_cast<std::int32_t>(whole));
    transfer.moved = transfer.granted;
    for (const Transfer::Lane& lane : transfer.lanes) {
      if (lane.alive) world_.network().cancel(lane.flow);
    }
    transfer.lanes.clear();
  }
  transfer.state = Transfer::State::hung;
  transfer.timed_out = true;
  const Instant end = last_heard + to_nanoseconds(scenario_.simulation.fetch_timeout);
  set_timer(slot, to_seconds(std::max(end - world_.date(), Nanoseconds{0})));
  if (transfer.follower == Transfer::none) return;
  Transfer& copy = transfers_[transfer.follower];
  const std::int32_t landed = std::max(0, transfer.from + transfer.granted - copy.from);
  copy.granted = std::min(copy.granted, landed);
  if (copy.state != Transfer::State::flowing || copy.lanes.empty() || by_block_) return;
  resize(copy);
  copy.cap_now = limit(copy);
  cap_lanes(copy, copy.cap_now);
}

void Transfers::finish(std::uint32_t slot) {
  Transfer& transfer = transfers_[slot];
  if (transfer.state == Transfer::State::over) return;
  if (on_pcie(transfer) && transfer.state == Transfer::State::flowing) {
    owner_.copies_changed(transfer.host, --copies_[transfer.host]);
  }
  transfer.state = Transfer::State::over;
  transfer.ended = world_.date();
  release_leases(transfer);
  if (transfer.granted > 0 && timeline_.enabled()) draw(transfer);
  if (transfer.leader != Transfer::none) {  // cut before its fetch has ended
    transfers_[transfer.leader].follower = Transfer::none;
    transfer.leader = Transfer::none;
    std::erase(followers_, slot);
  }
  owner_.transfer_done(transfer);
  if (transfer.follower != Transfer::none) leader_over(slot);
  by_run_[transfer.host][control::slot_of(transfer.run)] = Transfer::none;
  transfer.state = Transfer::State::free;
  ++transfer.version;
  free_.push_back(slot);
}

/// A bar on each NIC and lane that it crossed.
void Transfers::draw(const Transfer& transfer) {
  for (std::int32_t lane = 0; lane < shards(transfer); ++lane) {
    for (const LinkId link : route(transfer, lane)) {
      const std::uint32_t track = link_tracks_[static_cast<std::size_t>(link)];
      if (track == no_track) continue;
      timeline_.add(track, transfer.spec, word(transfer.kind), transfer.began, transfer.ended);
    }
  }
}

std::int64_t Transfers::copies_of(std::uint32_t host, RequestId request, Instant& earliest) const {
  std::int64_t count = 0;
  for (const std::uint32_t slot : by_run_[host]) {
    if (slot == Transfer::none) continue;
    const Transfer& transfer = transfers_[slot];
    if (transfer.kind != TransferKind::copy_in || transfer.spec->id != request) continue;
    earliest = std::min(earliest, transfer.began);
    ++count;
  }
  return count;
}

}  // namespace calvo::sim
