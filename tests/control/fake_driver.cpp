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
      router_(setup.routing, setup.instances, setup.resources, estimates) {
  for (std::int32_t i = 0; i < setup.instances; ++i) {
    instances_.push_back(std::make_unique<Host>(setup, estimates));
  }
  for (std::int32_t i = 0; i < setup.resources.storage_nodes; ++i) {
    nodes_.emplace_back(setup.storage_blocks);
  }
}

std::uint32_t FakeDriver::node_of(BlockId block) const {
  return storage_node_of(raw(block), setup_.resources.storage_extent,
                         setup_.resources.storage_nodes);
}

void FakeDriver::preload(BlockRun blocks) {
  for (std::int32_t i = 0; i < blocks.count; ++i) {
    const BlockId id{raw(blocks.first) + static_cast<std::uint64_t>(i)};
    nodes_[node_of(id)].preload({id, 1});
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

std::int32_t FakeDriver::lookup(const RequestSpec& spec, std::int32_t from, std::int32_t to) const {
  std::int32_t end = from;
  bool hit = true;
  for_pieces(spec, from, to, [&](BlockRun run, std::int32_t) {
    for (std::int32_t i = 0; hit && i < run.count; ++i) {
      const BlockId id{raw(run.first) + static_cast<std::uint64_t>(i)};
      hit = nodes_[node_of(id)].lookup({id, 1}) == 1;
      if (hit) ++end;
    }
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
    case CommandKind::store: {
      const std::uint64_t run = raw(command.run);
      if (host.transfers.contains(run)) complain("run id used twice");
      Transfer& transfer = host.transfers[run];
      transfer.kind = command.kind;
      transfer.instance = instance;
      transfer.command = command;
      transfer.limit = command.to - command.from;
      if (command.kind == CommandKind::copy_out || command.kind == CommandKind::store) {
        transfer.limit = command.blocks.count;
      }
      if (transfer.limit <= 0) complain("empty transfer: " + describe(command, buffer));
      if (command.kind == CommandKind::copy_in && raw(command.after) != 0) {
        const auto fetch = host.transfers.find(raw(command.after));
        if (fetch == host.transfers.end()) {
          complain("copy after a fetch that has ended: " + describe(command, buffer));
          break;
        }
        if (raw(fetch->second.follower) != 0) complain("two copies behind one fetch");
        if (command.from < fetch->second.command.from || command.to > fetch->second.command.to) {
          complain("copy beyond its fetch: " + describe(command, buffer));
        }
        fetch->second.follower = command.run;
        transfer.after = command.after;
      }
      const bool network = command.kind == CommandKind::fetch || command.kind == CommandKind::store;
      after(network ? hardware_.network_latency : hardware_.pcie_latency,
            [this, instance, run] { begin(instance, run); });
      break;
    }
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

// ---------------------------------------------------------------------------- transfers

FakeDriver::Link& FakeDriver::link_of(Host& host, CommandKind kind) {
  switch (kind) {
    case CommandKind::fetch:
      return host.network_in;
    case CommandKind::store:
      return host.network_out;
    case CommandKind::copy_in:
      return host.pcie_in;
    default:
      return host.pcie_out;
  }
}

/// Its latency is over: what can be moved is known now.
void FakeDriver::begin(std::uint32_t instance, std::uint64_t run) {
  Host& host = *instances_[instance];
  const auto found = host.transfers.find(run);
  if (found == host.transfers.end()) return;
  Transfer& transfer = found->second;
  transfer.started = true;
  if (transfer.cut) {
    maybe_end(instance, run);
    return;
  }
  if (transfer.kind == CommandKind::fetch) {
    const Command& command = transfer.command;
    const RequestSpec& spec = *specs_.at(command.request);
    std::int32_t granted = 0;
    bool whole = true;
    for_pieces(spec, command.from, command.to, [&](BlockRun ids, std::int32_t) {
      if (!whole) return;
      for (std::int32_t i = 0; i < ids.count; ++i) {
        const BlockId id{raw(ids.first) + static_cast<std::uint64_t>(i)};
        if (node_of(id) != raw(command.node)) complain("fetch from the wrong storage node");
      }
      const std::int32_t stored = nodes_[raw(command.node)].begin_read(ids);
      if (stored > 0) transfer.ids.push_back({ids.first, stored});
      granted += stored;
      whole = stored == ids.count;
    });
    ++fetches_;
    if (hardware_.lose_every > 0 && fetches_ % hardware_.lose_every == 0 && granted > 0) {
      --granted;
      BlockRun& last = transfer.ids.back();
      nodes_[raw(command.node)].end_read(
          {BlockId{raw(last.first) + static_cast<std::uint64_t>(last.count - 1)}, 1});
      if (--last.count == 0) transfer.ids.pop_back();
    }
    if (granted < transfer.limit) transfer.status = TransferStatus::missing;
    transfer.limit = transfer.source = granted;
  } else if (transfer.kind == CommandKind::store) {
    transfer.limit = transfer.source = 0;
    transfer.to_write.push_back(transfer.command.blocks);
    next_write(instance, transfer);
  } else if (raw(transfer.after) == 0) {
    transfer.source = transfer.limit;
  }
  offer(instance, run);
  maybe_end(instance, run);
}

/// Offers the rest of a store to its node: blocks that are there already are skipped.
void FakeDriver::next_write(std::uint32_t, Transfer& transfer) {
  StorageNode& node = nodes_[raw(transfer.command.node)];
  while (!transfer.to_write.empty()) {
    BlockRun& rest = transfer.to_write.back();
    const StorageNode::Accepted accepted = node.begin_write(rest);
    const std::int32_t used = accepted.skip + accepted.write;
    if (accepted.write > 0) {
      transfer.ids.push_back(
          {BlockId{raw(rest.first) + static_cast<std::uint64_t>(accepted.skip)}, accepted.write});
      transfer.limit += accepted.write;
      transfer.source = transfer.limit;
    }
    rest = {BlockId{raw(rest.first) + static_cast<std::uint64_t>(used)}, rest.count - used};
    if (used == 0 || rest.count == 0) transfer.to_write.pop_back();
    if (accepted.write > 0) return;
  }
}

void FakeDriver::offer(std::uint32_t instance, std::uint64_t run) {
  Host& host = *instances_[instance];
  Transfer& transfer = host.transfers.at(run);
  const std::int32_t there = std::min(transfer.source, transfer.limit);
  if (!transfer.started || transfer.cut || transfer.moving || transfer.done >= there) return;
  Link& link = link_of(host, transfer.kind);
  if (std::ranges::find(link.ready, run) == link.ready.end()) link.ready.push_back(run);
  pump(instance, transfer.kind);
}

void FakeDriver::pump(std::uint32_t instance, CommandKind kind) {
  Host& host = *instances_[instance];
  Link& link = link_of(host, kind);
  if (link.busy || link.ready.empty()) return;
  const std::uint64_t run = link.ready.front();
  link.ready.pop_front();
  Transfer& transfer = host.transfers.at(run);
  link.busy = true;
  transfer.moving = true;
  const bool network = kind == CommandKind::fetch || kind == CommandKind::store;
  after(network ? hardware_.network_block : hardware_.pcie_block,
        [this, instance, run] { landed(instance, run); });
}

void FakeDriver::landed(std::uint32_t instance, std::uint64_t run) {
  Host& host = *instances_[instance];
  Transfer& transfer = host.transfers.at(run);
  const CommandKind kind = transfer.kind;
  Link& link = link_of(host, kind);
  link.busy = false;
  transfer.moving = false;
  ++transfer.done;
  if (kind == CommandKind::fetch && raw(transfer.follower) != 0) {
    const auto copy = host.transfers.find(raw(transfer.follower));
    if (copy != host.transfers.end()) {
      copy->second.source = transfer.command.from + transfer.done - copy->second.command.from;
      offer(instance, raw(transfer.follower));
    }
  }
  if (kind == CommandKind::store && transfer.done == transfer.limit) {
    nodes_[raw(transfer.command.node)].end_write(transfer.ids.back());
    next_write(instance, transfer);
  }
  const bool more = !transfer.cut && transfer.done < std::min(transfer.source, transfer.limit);
  if (more) {
    if (hardware_.sharing == Sharing::fair) {
      link.ready.push_back(run);
    } else {
      link.ready.push_front(run);
    }
  }
  pump(instance, kind);
  maybe_end(instance, run);
}

void FakeDriver::cut_transfer(std::uint32_t instance, RunId run) {
  Host& host = *instances_[instance];
  const auto found = host.transfers.find(raw(run));
  if (found == host.transfers.end()) {
    complain("cut of a transfer that has ended");
    return;
  }
  Transfer& transfer = found->second;
  if (transfer.cut) complain("transfer cut twice");
  transfer.cut = true;
  std::erase(link_of(host, transfer.kind).ready, raw(run));
  if (!transfer.started) transfer.limit = 0;  // nothing of it was posted
  after(Nanoseconds{0}, [this, instance, run] { maybe_end(instance, raw(run)); });
}

void FakeDriver::maybe_end(std::uint32_t instance, std::uint64_t run) {
  Host& host = *instances_[instance];
  const auto found = host.transfers.find(run);
  if (found == host.transfers.end()) return;
  Transfer& transfer = found->second;
  if (transfer.moving || transfer.ended) return;
  if (!transfer.cut && (!transfer.started || transfer.done < transfer.limit)) return;
  if (raw(transfer.after) != 0) return;  // never before its fetch
  transfer.ended = true;
  end(instance, transfer);
}

void FakeDriver::end(std::uint32_t instance, Transfer& transfer) {
  Host& host = *instances_[instance];
  Event event{};
  event.run = transfer.command.run;
  event.request = transfer.command.request;
  event.blocks = transfer.done;
  event.node = transfer.command.node;
  const std::int32_t asked = transfer.command.to - transfer.command.from;
  switch (transfer.kind) {
    case CommandKind::fetch:
      event.kind = EventKind::fetch_done;
      event.status = transfer.status;
      if (transfer.cut && transfer.done < asked &&
          !(transfer.status == TransferStatus::missing && transfer.done == transfer.limit)) {
        event.status = TransferStatus::cut;
      }
      for (const BlockRun& ids : transfer.ids) nodes_[raw(transfer.command.node)].end_read(ids);
      break;
    case CommandKind::copy_in:
      event.kind = EventKind::copy_done;
      if (transfer.done < asked) event.status = TransferStatus::cut;
      break;
    default:
      event.kind = EventKind::store_done;
      break;
  }
  tell(instance, event);
  const RunId follower = transfer.follower;
  const RunId self = transfer.command.run;
  if (transfer.kind == CommandKind::fetch && raw(follower) != 0) {
    const auto copy = host.transfers.find(raw(follower));
    if (copy != host.transfers.end()) {
      Transfer& behind = copy->second;
      behind.after = RunId{};
      const std::int32_t landed = transfer.command.from + transfer.done - behind.command.from;
      behind.limit = std::clamp(landed, behind.done, behind.limit);
      behind.source = behind.limit;
      maybe_end(instance, raw(follower));
    }
  }
  host.transfers.erase(raw(self));
  if (event.kind == EventKind::copy_done) {
    std::erase(host.step.gate, self);
    maybe_end_step(instance);
  }
}

// ---------------------------------------------------------------------------- GPU

void FakeDriver::run_step(std::uint32_t instance, const Command& command,
                          const CommandBuffer& buffer) {
  Host& host = *instances_[instance];
  Step& step = host.step;
  if (step.running) complain("two steps at once");
  if (command.parts == 0 && command.decodes == 0) complain("empty step");
  if (command.parts > 0 && command.iterations != 1) complain("leap with prefill");
  step.running = true;
  step.run = command.run;
  ++step.epoch;
  step.iterations = command.iterations;
  step.done = 0;
  step.cut = step.computed = false;
  step.gate.clear();
  step.base = hardware_.step + command.decodes * hardware_.decode +
              command.decode_context.count() * hardware_.context_token;
  step.growth = command.decodes * hardware_.context_token;
  for (std::int32_t i = 0; i < command.parts; ++i) {
    const StepPart& part = buffer.parts[static_cast<std::size_t>(command.first_part + i)];
    const std::int64_t tokens = part.tokens.new_tokens.count();
    const std::int64_t context = part.tokens.context.count();
    if (tokens <= 0) complain("a part without tokens");
    step.base += tokens * hardware_.prefill_token + context * hardware_.context_token;
    Account& account = accounts_[part.request];
    if (account.next >= 0 && account.next != context) account.restarted = true;
    if (account.first_context < 0) account.first_context = context;
    account.next = context + tokens;
    account.prefilled += tokens;
    for (const auto& [run, transfer] : host.transfers) {
      if (transfer.kind != CommandKind::copy_in || transfer.command.request != part.request) {
        continue;
      }
      if (command.gate == Gate::layers) {
        step.gate.push_back(transfer.command.run);
      } else {
        complain("a step begins before its copies have ended: " + describe(command, buffer));
      }
    }
  }
  for (std::int32_t i = 0; i < command.decodes; ++i) {
    const RequestId request = buffer.decodes[static_cast<std::size_t>(command.first_decode + i)];
    if (accounts_[request].next < 0) complain("decode before prefill");
  }
  step.decoding.assign(buffer.decodes.begin() + command.first_decode,
                       buffer.decodes.begin() + command.first_decode + command.decodes);
  step.tail = step.base / hardware_.layers;
  const std::uint64_t epoch = step.epoch;
  after(step.base, [this, instance, epoch] { iteration_over(instance, epoch); });
}

void FakeDriver::iteration_over(std::uint32_t instance, std::uint64_t epoch) {
  Step& step = instances_[instance]->step;
  if (!step.running || step.epoch != epoch) return;
  for (const RequestId request : step.decoding) ++accounts_[request].decoded;
  ++step.done;
  if (step.done < step.iterations && !step.cut) {
    after(step.base + step.done * step.growth,
          [this, instance, epoch] { iteration_over(instance, epoch); });
    return;
  }
  step.computed = true;
  if (step.gate.empty()) step.tail = Nanoseconds{0};
  maybe_end_step(instance);
}

/// A layer-wise step ends when its kernels and its copies have, with one layer behind the last
/// copy.
void FakeDriver::maybe_end_step(std::uint32_t instance) {
  Step& step = instances_[instance]->step;
  if (!step.running || !step.computed || !step.gate.empty()) return;
  step.computed = false;  // once
  const auto over = [this, instance] {
    Step& ended = instances_[instance]->step;
    ended.running = false;
    Event event{};
    event.kind = EventKind::step_done;
    event.run = ended.run;
    event.iterations = ended.done;
    tell(instance, event);
  };
  if (step.tail == Nanoseconds{0}) {
    over();
  } else {
    after(step.tail, over);
  }
}

void FakeDriver::leave(std::uint32_t instance, const Command& command, Outcome outcome) {
  if (ended_.contains(command.request)) complain("a request ends twice");
  ended_[command.request] = {outcome,        command.reason, instance,
                             command.cached, command.times,  command.preemptions};
  Event event{};
  event.kind = EventKind::finished;
  event.time = now_;
  event.request = command.request;
  after(Nanoseconds{0}, [this, event] {
    CommandBuffer nothing;
    const std::vector<Event> one{event};
    router_.handle(one, nothing);
  });
  const RequestSpec& spec = *specs_.at(command.request);
  if (outcome == Outcome::completed) {
    const Account& account = accounts_[command.request];
    const std::int64_t made = spec.input.count() - command.cached.count();
    if (command.preemptions == 0) {
      if (account.restarted) complain("a prompt was computed in parts that do not join");
      if (account.first_context != command.cached.count()) {
        complain("a prompt was not computed from its cached prefix on");
      }
      if (account.prefilled != made) {
        complain(fmt::format("request {}: {} tokens computed instead of {}", raw(spec.id),
                             account.prefilled, made));
      }
      const std::int64_t decodes = setup_.engine.decode ? spec.output.count() - 1 : 0;
      if (account.decoded != decodes) {
        complain(fmt::format("request {}: {} tokens decoded instead of {}", raw(spec.id),
                             account.decoded, decodes));
      }
    }
  }
  if (on_finish) on_finish(spec, now_);
}

}  // namespace calvo::control::fake
