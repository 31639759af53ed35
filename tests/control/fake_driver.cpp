#include "tests/control/fake_driver.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "core/block_pieces.hpp"

namespace calvo::control::fake {

FakeDriver::FakeDriver(const Setup& setup, const Hardware& hardware,
                       const models::CostModel& estimates)
    : setup_(setup),
      hardware_(hardware),
      router_(setup.routing, setup.instances, setup.resources, estimates),
      chance_(setup.faults.seed, 11) {
  for (std::int32_t i = 0; i < setup.instances; ++i) {
    instances_.push_back(std::make_unique<Host>(setup, estimates));
  }
  for (std::int32_t i = 0; i < setup.resources.storage_nodes; ++i) {
    nodes_.emplace_back(setup.storage_blocks);
  }
  dead_.assign(nodes_.size(), false);
  announced_.assign(nodes_.size(), false);
  for (const Outage& outage : setup.faults.outages) {
    at(outage.from, [this, outage] { begin_outage(outage); });
  }
}

void FakeDriver::preload(BlockRun blocks) {
  for (std::int32_t i = 0; i < blocks.count; ++i) {
    const BlockId id = block_of(blocks, i);
    const StorageId home = leading_on_node({id, 1}, setup_.resources).node;
    for (std::int32_t replica = 0; replica < setup_.resources.storage_replicas; ++replica) {
      nodes_[raw(replica_of(home, replica, setup_.resources))].preload({id, 1});
    }
  }
}

void FakeDriver::add(const RequestSpec& spec) {
  specs_[spec.id] = &spec;
  at(spec.arrival, [this, &spec] {
    Event event{};
    event.kind = EventKind::arrival;
    event.time = now_;
    event.request = spec.id;
    event.spec = &spec;
    router_inbox_.push_back(event);
  });
}

void FakeDriver::cancel(RequestId request, Instant when) {
  at(when, [this, request] {
    if (ended_.contains(request) || !placed_.contains(request)) return;
    Event event{};
    event.kind = EventKind::cancel;
    event.request = request;
    tell(placed_.at(request), event);
  });
}

void FakeDriver::at(Instant date, Action action) {
  due_.push({date, sequence_++, std::move(action)});
}

void FakeDriver::tell(std::uint32_t instance, Event event) {
  event.time = now_;
  instances_[instance]->inbox.push_back(event);
}

void FakeDriver::complain(const std::string& what) {
  complaints_.push_back(fmt::format("{} ns: {}", now_.time_since_epoch().count(), what));
}

bool FakeDriver::run(std::int64_t most) {
  while (!due_.empty()) {
    now_ = due_.top().at;
    while (!due_.empty() && due_.top().at == now_) {
      const Action action = std::move(const_cast<Due&>(due_.top()).action);
      due_.pop();
      action();
    }
    route();
    for (std::uint32_t i = 0; i < instances_.size(); ++i) {
      Host& host = *instances_[i];
      if (host.inbox.empty()) continue;
      Batch& batch = batches_.emplace_back();
      batch.instance = i;
      batch.events.swap(host.inbox);
      host.reducer.handle(batch.events, batch.answer);
      const std::int64_t quarantined = host.reducer.host_blocks_quarantined();
      const bool at_event = setup_.engine.completion_seen == CompletionSeen::at_event;
      if (quarantined > host.quarantined || (at_event && quarantined != host.quarantined)) {
        complain("quarantined slots do not add up");
      }
      if (after_batch) after_batch(*this, i);
      const CommandBuffer answer = batch.answer;
      carry_out(i, answer);
      if (static_cast<std::int64_t>(batches_.size()) > most) return false;
    }
  }
  return true;
}

void FakeDriver::route() {
  if (router_inbox_.empty()) return;
  CommandBuffer buffer;
  std::vector<Event> events;
  events.swap(router_inbox_);
  router_.handle(events, buffer);
  for (const Command& command : buffer.commands) {
    Event event{};
    event.kind = EventKind::arrival;
    event.request = command.request;
    event.spec = specs_.at(command.request);
    placed_[command.request] = raw(command.instance);
    tell(raw(command.instance), event);
  }
}

void FakeDriver::carry_out(std::uint32_t instance, const CommandBuffer& buffer) {
  for (const Command& command : buffer.commands) carry_out(instance, command, buffer);
}

/// Leading blocks of `piece` that some living node has.
std::int32_t FakeDriver::stored_prefix(const PlacedRun& piece) const {
  for (std::int32_t found = 0; found < piece.blocks.count;) {
    std::int32_t more = 0;
    for (std::int32_t replica = 0; replica < setup_.resources.storage_replicas; ++replica) {
      const std::uint32_t node = raw(replica_of(piece.node, replica, setup_.resources));
      if (dead_[node]) continue;
      more = std::max(more, nodes_[node].lookup(behind(piece.blocks, found)));
    }
    if (more == 0) return found;
    found += more;
  }
  return piece.blocks.count;
}

std::int32_t FakeDriver::lookup(const RequestSpec& spec, std::int32_t from, std::int32_t to) const {
  std::int32_t end = from;
  for_pieces(spec, from, to, [&](BlockRun run, std::int32_t) {
    return for_node_pieces(run, setup_.resources, [&](const PlacedRun& piece) {
      const std::int32_t stored = stored_prefix(piece);
      end += stored;
      return stored == piece.blocks.count;
    });
  });
  return end;
}

void FakeDriver::carry_out(std::uint32_t instance, const Command& command,
                           const CommandBuffer& buffer) {
  Host& host = *instances_[instance];
  switch (command.kind) {
    case CommandKind::lookup: {
      const RequestSpec& spec = *specs_.at(command.request);
      after(hardware_.lookup, [this, instance, command, &spec] {
        Event event{};
        event.kind = EventKind::lookup_done;
        event.run = command.run;
        event.request = command.request;
        event.blocks = lookup(spec, command.from, command.to);
        tell(instance, event);
      });
      break;
    }
    case CommandKind::fetch:
    case CommandKind::copy_in:
    case CommandKind::copy_out:
    case CommandKind::store:
      start_transfer(instance, command, buffer);
      break;
    case CommandKind::cut_fetch:
    case CommandKind::cut_copy:
      cut_transfer(instance, command.run);
      break;
    case CommandKind::run_step:
      run_step(instance, command, buffer);
      break;
    case CommandKind::cut_step:
      if (!host.step.running || host.step.run != command.run) complain("cut of no running step");
      host.step.cut = true;
      break;
    case CommandKind::preempt:
      break;
    case CommandKind::set_timer:
      if (command.at < now_) complain("timer in the past");
      at(command.at, [this, instance, command] {
        Event event{};
        event.kind = EventKind::timer;
        event.run = command.run;
        tell(instance, event);
      });
      break;
    case CommandKind::finish:
      leave(instance, command, Outcome::completed);
      break;
    case CommandKind::reject:
      leave(instance, command, Outcome::rejected);
      break;
    case CommandKind::cancelled:
      leave(instance, command, Outcome::cancelled);
      break;
    case CommandKind::dispatch:
      complain("an instance routes");
      break;
  }
}

}  // namespace calvo::control::fake
