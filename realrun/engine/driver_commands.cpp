// Commands become orders to the threads, with addresses.
#include <algorithm>
#include <utility>

#include "control/storage_placement.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"
#include "realrun/engine/driver.hpp"

namespace calvo::realrun {

using control::Command;
using control::CommandKind;
using control::Event;
using control::EventKind;

namespace {

constexpr Nanoseconds full_ring_pause{100'000};

std::vector<BlockId> names(BlockRun run) {
  std::vector<BlockId> ids;
  ids.reserve(static_cast<std::size_t>(run.count));
  for (std::int32_t i = 0; i < run.count; ++i) ids.push_back(block_of(run, i));
  return ids;
}

std::vector<BlockId> names(const RequestSpec& spec, std::int32_t from, std::int32_t to) {
  std::vector<BlockId> ids;
  for_pieces(spec, from, to, [&](BlockRun piece, std::int32_t) {
    const std::vector<BlockId> more = names(piece);
    ids.insert(ids.end(), more.begin(), more.end());
  });
  return ids;
}

}  // namespace

/// Never blocks on a thread that waits for this one: what comes in is put aside.
template <class T, class Order>
void Driver::send(Ring<T>& ring, Order order) {
  T item{std::move(order)};
  while (!ring.try_push(item)) {
    notices_.drain(backlog_);
    bell_.arm();
    bell_.sleep(full_ring_pause);
    for (const Notice& notice : backlog_) {  // its reader may have ended
      if (notice.kind == Notice::Kind::failure) std::rethrow_exception(notice.failure);
    }
  }
}

/// After each batch, before its commands: pages of requests whose prompt the last step has
/// completed, and of those that leave, get the names that the control plane has given them.
void Driver::share_pages(InstanceHost& host) {
  for (const Command& command : commands_.commands) {
    if (command.kind == CommandKind::finish || command.kind == CommandKind::cancelled ||
        command.kind == CommandKind::preempt) {
      host.addresses->share_what_is_kept(requests_.spec(command.request));
    }
  }
  for (const RequestSpec* spec : host.prefilled) {
    if (const auto named = host.instance.named_blocks(spec->id)) {
      host.addresses->share(*spec, *named);
    }
  }
  host.prefilled.clear();
}

void Driver::execute(std::uint32_t host) {
  for (const Command& command : commands_.commands) execute(host, command);
}

void Driver::execute(std::uint32_t index, const Command& command) {
  InstanceHost& host = hosts_[index];
  switch (command.kind) {
    case CommandKind::lookup:
      look_up(host, command);
      return;
    case CommandKind::fetch:
      fetch(host, command);
      return;
    case CommandKind::copy_in:
      copy_in(host, command);
      return;
    case CommandKind::copy_out:
      copy_out(index, command);
      return;
    case CommandKind::store:
      store(index, command);
      return;
    case CommandKind::cut_fetch: {
      const auto flight = host.flights.find(raw(command.run));
      if (flight == host.flights.end()) return;  // it has just ended
      send(host.rails[flight->second.rail]->orders(), CutOrder{command.run});
      return;
    }
    case CommandKind::cut_copy:
      send(host.copy->orders(), CutOrder{command.run});
      return;
    case CommandKind::run_step:
      run_step(host, command);
      return;
    case CommandKind::cut_step:
      if (host.stepping) host.step_cut->store(true);
      return;
    case CommandKind::preempt:
      host.addresses->forget(command.request);
      return;
    case CommandKind::set_timer:
      timers_.push_back({command.at, next_timer_++, index, command.run});
      std::ranges::push_heap(timers_, std::greater{});
      return;
    case CommandKind::reject:
      end_request(command);
      return;
    case CommandKind::finish:
    case CommandKind::cancelled:
      host.addresses->forget(command.request);
      end_request(command);
      return;
    case CommandKind::dispatch:
      CALVO_EXPECT(false);
  }
}

void Driver::look_up(InstanceHost& host, const Command& command) {
  LookupOrder order{command.run, command.from, {}};
  std::vector<StorageId> nodes;  // one as often as it is asked
  const control::InstanceResources& pool = scenario_.instance;
  const RequestSpec& spec = requests_.spec(command.request);
  for_pieces(spec, command.from, command.to, [&](BlockRun run, std::int32_t) {
    control::for_node_pieces(run, pool, [&](const control::PlacedRun& placed) {
      LookupOrder::Piece& piece = order.pieces.emplace_back();
      piece.blocks = placed.blocks;
      for (std::int32_t replica = 0; replica < pool.storage_replicas; ++replica) {
        piece.nodes.push_back(control::replica_of(placed.node, replica, pool));
        nodes.push_back(piece.nodes.back());
      }
      return true;
    });
  });
  ++in_flight_;
  send(host.rails[choose_rail(host, nodes)]->orders(), std::move(order));
}

/// The rail that reaches most of the nodes; of such, the one with the least to do.
std::uint32_t Driver::choose_rail(const InstanceHost& host,
                                  std::span<const StorageId> nodes) const {
  std::uint32_t best = 0;
  std::int64_t best_up = -1;
  for (std::uint32_t rail = 0; rail < host.rails.size(); ++rail) {
    const std::int64_t up = std::ranges::count_if(
        nodes, [&](StorageId node) -> bool { return host.rail_up[rail][raw(node)]; });
    if (up < best_up || (up == best_up && host.rail_load[rail] >= host.rail_load[best])) continue;
    best = rail;
    best_up = up;
  }
  return best;
}

void Driver::fetch(InstanceHost& host, const Command& command) {
  Flight flight;
  flight.kind = command.kind;
  flight.spec = &requests_.spec(command.request);
  flight.from = command.from;
  flight.blocks = names(*flight.spec, command.from, command.to);
  flight.fetch = std::make_shared<FetchProgress>();
  flight.rail = choose_rail(host, std::span(&command.node, 1));
  FetchOrder order{command.run, command.node, {}, flight.fetch};
  for (const BlockId block : flight.blocks) {
    const std::int32_t slot = host.addresses->slots().take_for(block);
    flight.slots.push_back(slot);
    order.blocks.push_back(host.addresses->fresh_slot(block, slot));
  }
  host.rail_load[flight.rail] += static_cast<std::int64_t>(flight.blocks.size());
  Rail& rail = *host.rails[flight.rail];
  ++in_flight_;
  host.flights.emplace(raw(command.run), std::move(flight));
  send(rail.orders(), std::move(order));
}

void Driver::copy_in(InstanceHost& host, const Command& command) {
  Flight flight;
  flight.kind = command.kind;
  flight.spec = &requests_.spec(command.request);
  flight.from = command.from;
  flight.blocks = names(*flight.spec, command.from, command.to);
  flight.copy = std::make_shared<CopyProgress>();
  CopyOrder order;
  order.run = command.run;
  order.direction = CopyDirection::in;
  order.layer_major = command.layer_major;
  order.progress = flight.copy;
  if (command.after != RunId{}) {
    const Flight& leader = host.flights.at(raw(command.after));
    order.behind = leader.fetch;
    order.offset = command.from - leader.from;
  }
  for (const BlockId block : flight.blocks) {
    const std::int32_t slot = host.addresses->slots().find(block);
    CALVO_EXPECT(slot != Places::none);
    host.addresses->slots().hold(slot);
    const std::int32_t page = host.addresses->pages().take_for(block);
    flight.slots.push_back(slot);
    flight.pages.push_back(page);
    order.blocks.push_back({page, host.addresses->slot(block, slot)});
  }
  ++in_flight_;
  host.flights.emplace(raw(command.run), std::move(flight));
  send(host.copy->orders(), std::move(order));
}

/// Whether all blocks lie somewhere to be read from. Engines that write on eviction ask for blocks
/// that nobody keeps any more: their places may have been given out, or be written anew right now,
/// and then what was evicted is lost.
bool Driver::still_there(const Places& places, std::span<const BlockId> blocks) const {
  const bool staged = scenario_.engine.write == control::Write::on_evict;
  return std::ranges::all_of(blocks, [&](BlockId block) {
    const std::int32_t place = places.find(block);
    CALVO_EXPECT(staged || place != Places::none);
    return place != Places::none && !(staged && places.is_held(place));
  });
}

/// Blocks on their way out that the books have evicted keep their places: spare ones, and no more.
bool Driver::stage(std::int64_t& staged, std::int64_t counted, std::size_t blocks) const {
  if (scenario_.engine.write != control::Write::on_evict) return true;
  const std::int64_t then = staged + static_cast<std::int64_t>(blocks);
  if (then > spare_places(counted)) return false;
  staged = then;
  return true;
}

void Driver::was_lost(std::uint32_t host, RunId run) {
  Event lost;
  lost.kind = EventKind::store_done;
  lost.run = run;
  lost.status = control::TransferStatus::missing;
  post(host, lost);
}

void Driver::copy_out(std::uint32_t index, const Command& command) {
  InstanceHost& host = hosts_[index];
  Places& pages = host.addresses->pages();
  Flight flight;
  flight.kind = command.kind;
  flight.blocks = names(command.blocks);
  if (!still_there(pages, flight.blocks) ||
      !stage(host.staged_pages, scenario_.instance.gpu_blocks, flight.blocks.size())) {
    was_lost(index, command.run);
    return;
  }
  CopyOrder order;
  order.run = command.run;
  order.direction = CopyDirection::out;
  for (const BlockId block : flight.blocks) {
    const std::int32_t page = pages.find(block);
    pages.hold(page);
    const std::int32_t slot = host.addresses->slots().take_for(block);
    flight.pages.push_back(page);
    flight.slots.push_back(slot);
    order.blocks.push_back({page, host.addresses->fresh_slot(block, slot)});
  }
  ++in_flight_;
  host.flights.emplace(raw(command.run), std::move(flight));
  send(host.copy->orders(), std::move(order));
}

void Driver::store(std::uint32_t index, const Command& command) {
  InstanceHost& host = hosts_[index];
  Places& slots = host.addresses->slots();
  Flight flight;
  flight.kind = command.kind;
  flight.blocks = names(command.blocks);
  flight.rail = choose_rail(host, std::span(&command.node, 1));
  if (!still_there(slots, flight.blocks) ||
      !stage(host.staged_slots, scenario_.instance.host_blocks, flight.blocks.size())) {
    was_lost(index, command.run);
    return;
  }
  StoreOrder order{command.run, command.node, {}};
  for (const BlockId block : flight.blocks) {
    const std::int32_t slot = slots.find(block);
    slots.hold(slot);
    flight.slots.push_back(slot);
    order.blocks.push_back(host.addresses->slot(block, slot));
  }
  host.rail_load[flight.rail] += static_cast<std::int64_t>(flight.blocks.size());
  Rail& rail = *host.rails[flight.rail];
  ++in_flight_;
  host.flights.emplace(raw(command.run), std::move(flight));
  send(rail.orders(), std::move(order));
}

/// A leap takes the pages of all its iterations at once, and the books evict for them when it is
/// over: until then only what is free can be had. The control plane asks for the rest anew.
std::int64_t Driver::iterations_that_fit(InstanceHost& host, const Command& command) const {
  const std::span<const RequestId> decodes = commands_.decodes_of(command);
  const auto fits = [&](std::int64_t iterations) {
    std::int64_t lacking = 0;
    for (const RequestId request : decodes) {
      lacking += host.addresses->lacking(request, host.addresses->computed(request) + iterations);
    }
    return lacking <= host.addresses->pages().free();
  };
  if (fits(command.iterations)) return command.iterations;
  host.addresses->pages().sweep();
  std::int64_t most = 1, too_many = command.iterations + 1;
  while (too_many - most > 1) {
    const std::int64_t middle = most + (too_many - most) / 2;
    (fits(middle) ? most : too_many) = middle;
  }
  return most;
}

void Driver::run_step(InstanceHost& host, const Command& command) {
  CALVO_EXPECT(!host.stepping);
  StepOrder order;
  order.run = command.run;
  order.cut = host.step_cut = std::make_shared<std::atomic<bool>>(false);
  host.step.clear();
  for (const control::StepPart& part : commands_.parts_of(command)) {
    const RequestSpec& spec = requests_.spec(part.request);
    const std::int64_t context = part.tokens.context.count();
    const std::int64_t end = context + part.tokens.new_tokens.count();
    StepOrder::Sequence& sequence = order.sequences.emplace_back();
    sequence.spec = &spec;
    sequence.new_tokens = part.tokens.new_tokens.count();
    sequence.context = context;
    sequence.pages = host.addresses->table(spec, context, end);
    sequence.keep_logits =
        options_.keep_logits && generated_[raw(spec.id)] == 0 && end == spec.input.count();
    host.step.push_back({&spec, end, false});
    if (command.gate != control::Gate::layers) continue;
    for (const auto& [run, flight] : host.flights) {
      if (flight.kind == CommandKind::copy_in && flight.spec == &spec) {
        order.gates.push_back(flight.copy);
      }
    }
  }
  order.iterations = iterations_that_fit(host, command);
  for (const RequestId request : commands_.decodes_of(command)) {
    const RequestSpec& spec = requests_.spec(request);
    const std::int64_t context = host.addresses->computed(request);
    StepOrder::Sequence& sequence = order.sequences.emplace_back();
    sequence.spec = &spec;
    sequence.new_tokens = 1;
    sequence.context = context;
    sequence.decode = true;
    sequence.pages = host.addresses->table(spec, context, context + order.iterations);
    host.step.push_back({&spec, context, true});
  }
  host.stepping = true;
  ++in_flight_;
  send(host.compute->orders(), std::move(order));
}

void Driver::end_request(const Command& command) {
  requests_.ended(command, scenario_.engine.decode);
  const RequestSpec& spec = requests_.spec(command.request);
  Event left;
  left.kind = EventKind::finished;
  left.time = now_;
  left.request = spec.id;
  router_inbox_.push_back(left);

  follow_ups_.clear();
  scenario_.workload->finished(spec, now_, follow_ups_);
  for (const traces::Due& due : follow_ups_) {
    ++scheduled_;
    send(ingress_->orders(), due);
  }
}

}  // namespace calvo::realrun
