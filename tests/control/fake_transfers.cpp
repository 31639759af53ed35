// How the fake driver moves blocks, and what goes wrong with them.
#include <algorithm>

#include <fmt/format.h>

#include "core/block_pieces.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {

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

void FakeDriver::start_transfer(std::uint32_t instance, const Command& command,
                                const CommandBuffer& buffer) {
  Host& host = *instances_[instance];
  const std::uint64_t run = raw(command.run);
  if (host.transfers.contains(run)) complain("run id used twice");
  if (!host.numbers.emplace(slot_of(command.run), command.run).second) {
    complain("the number of a transfer that has not ended: " + describe(command, buffer));
  }
  const bool network = command.kind == CommandKind::fetch || command.kind == CommandKind::store;
  if (network && announced_[raw(command.node)]) {
    complain("a node is asked that is down: " + describe(command, buffer));
  }
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
      return;
    }
    if (raw(fetch->second.follower) != 0) complain("two copies behind one fetch");
    if (command.from < fetch->second.command.from || command.to > fetch->second.command.to) {
      complain("copy beyond its fetch: " + describe(command, buffer));
    }
    fetch->second.follower = command.run;
    transfer.after = command.after;
  }
  after(network ? hardware_.network_latency : hardware_.pcie_latency,
        [this, instance, run] { begin(instance, run); });
}

/// Its latency is over: what can be moved is known now.
void FakeDriver::begin(std::uint32_t instance, std::uint64_t run) {
  Host& host = *instances_[instance];
  const auto found = host.transfers.find(run);
  if (found == host.transfers.end()) return;
  Transfer& transfer = found->second;
  if (transfer.hung) return;
  transfer.started = true;
  if (transfer.cut) {
    maybe_end(instance, run);
    return;
  }
  const bool network = transfer.kind == CommandKind::fetch || transfer.kind == CommandKind::store;
  if (network && dead_[raw(transfer.command.node)]) {
    transfer.limit = transfer.source = 0;
    hang(instance, transfer);
    return;
  }
  if (transfer.kind == CommandKind::fetch) {
    begin_fetch(transfer);
  } else if (transfer.kind == CommandKind::store) {
    StorageNode& node = nodes_[raw(transfer.command.node)];
    node.begin_write(transfer.command.blocks, transfer.write);
    transfer.limit = transfer.source = transfer.write.taken();
    if (transfer.limit == 0) node.end_write(transfer.write, transfer.command.blocks.count);
  } else if (raw(transfer.after) == 0) {
    transfer.source = transfer.limit;
  }
  if (network) fail_by_chance(instance, transfer);
  offer(instance, run);
  maybe_end(instance, run);
}

void FakeDriver::begin_fetch(Transfer& transfer) {
  const Command& command = transfer.command;
  StorageNode& node = nodes_[raw(command.node)];
  std::int32_t granted = 0;
  for_pieces(
      *specs_.at(command.request), command.from, command.to, [&](BlockRun run, std::int32_t) {
        return for_node_pieces(run, setup_.resources, [&](const PlacedRun& piece) {
          bool is_replica = false;
          for (std::int32_t i = 0; i < setup_.resources.storage_replicas; ++i) {
            is_replica = is_replica || replica_of(piece.node, i, setup_.resources) == command.node;
          }
          if (!is_replica) complain("fetch from the wrong storage node");
          const std::int32_t stored = node.begin_read(piece.blocks);
          if (stored > 0) transfer.ids.push_back({piece.blocks.first, stored});
          granted += stored;
          return stored == piece.blocks.count;
        });
      });
  ++fetches_;
  if (hardware_.lose_every > 0 && fetches_ % hardware_.lose_every == 0 && granted > 0) --granted;
  if (granted < transfer.limit) transfer.status = TransferStatus::missing;
  transfer.limit = transfer.source = granted;
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
  if (kind == CommandKind::store && transfer.done == transfer.limit && !transfer.hung) {
    nodes_[raw(transfer.command.node)].end_write(transfer.write, transfer.command.blocks.count);
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
  if (transfer.hung && now_ < transfer.gives_up) return;
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
          !(transfer.status != TransferStatus::ok && transfer.done == transfer.limit)) {
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
      event.status = transfer.status;
      break;
  }
  tell(instance, event);
  if (transfer.kind == CommandKind::fetch && event.status == TransferStatus::timeout) {
    drain(instance, event.run, asked - event.blocks);
  } else {
    host.numbers.erase(slot_of(event.run));
  }
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
      offer(instance, raw(follower));
      maybe_end(instance, raw(follower));
    }
  }
  host.transfers.erase(raw(self));
  if (event.kind == EventKind::copy_done) {
    std::erase(host.step.gate, self);
    maybe_end_step(instance);
  }
}

}  // namespace calvo::control::fake
