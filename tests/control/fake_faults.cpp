// What goes wrong in the fake driver's network.
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {

/// Nothing of the transfer moves from here on but the block that is on its way.
void FakeDriver::hang(std::uint32_t instance, Transfer& transfer) {
  if (transfer.hung) return;
  const std::uint64_t run = raw(transfer.command.run);
  std::erase(link_of(*instances_[instance], transfer.kind).ready, run);
  nodes_[raw(transfer.command.node)].abandon_write(transfer.write);
  transfer.started = transfer.hung = true;
  transfer.status = TransferStatus::timeout;
  transfer.limit = transfer.source = transfer.done + (transfer.moving ? 1 : 0);
  transfer.gives_up = now_ + setup_.faults.timeout;
  at(transfer.gives_up, [this, instance, run] { maybe_end(instance, run); });
}

/// A transfer that begins now: whether it will fail, and where.
void FakeDriver::fail_by_chance(std::uint32_t instance, Transfer& transfer) {
  const Faults& faults = setup_.faults;
  const auto one_in = [this](std::uint64_t n) { return n > 0 && chance_.below(n) == 0; };
  if (transfer.kind == CommandKind::store) {
    if (!one_in(faults.failed_store)) return;
    nodes_[raw(transfer.command.node)].abandon_write(transfer.write);
    transfer.limit = transfer.source = 0;
    transfer.status = TransferStatus::corrupt;
    return;
  }
  const bool hangs = one_in(faults.hanging), corrupt = one_in(faults.corrupt);
  const bool missing = one_in(faults.missing);
  if (transfer.limit == 0 || !(hangs || corrupt || missing)) return;
  const auto good =
      static_cast<std::int32_t>(chance_.below(static_cast<std::uint64_t>(transfer.limit)));
  if (!hangs) {
    transfer.limit = transfer.source = good;
    transfer.status = corrupt ? TransferStatus::corrupt : TransferStatus::missing;
    return;
  }
  // It breaks in the middle of some block.
  const std::uint64_t run = raw(transfer.command.run);
  after(good * hardware_.network_block + hardware_.network_block / 2, [this, instance, run] {
    const auto found = instances_[instance]->transfers.find(run);
    if (found != instances_[instance]->transfers.end()) hang(instance, found->second);
  });
}

/// The connection of a fetch that timed out is torn down.
void FakeDriver::drain(std::uint32_t instance, RunId run, std::int32_t blocks) {
  std::int64_t& quarantined = instances_[instance]->quarantined;
  quarantined += blocks;
  all_quarantined_ = all_quarantined_ || quarantined == setup_.resources.host_blocks;
  const auto longest = static_cast<std::uint64_t>(setup_.faults.longest_drain.count());
  after(Nanoseconds{static_cast<std::int64_t>(chance_.below(longest + 1))},
        [this, instance, run, blocks] {
          instances_[instance]->quarantined -= blocks;
          instances_[instance]->numbers.erase(slot_of(run));
          Event event{};
          event.kind = EventKind::drained;
          event.run = run;
          tell(instance, event);
        });
}

void FakeDriver::begin_outage(const Outage& outage) {
  dead_[outage.node] = true;
  const auto tell_all = [this](EventKind kind, std::uint32_t node) {
    announced_[node] = kind == EventKind::node_down;
    for (std::uint32_t i = 0; i < instances_.size(); ++i) {
      Event event{};
      event.kind = kind;
      event.node = StorageId{node};
      tell(i, event);
    }
  };
  for (std::uint32_t i = 0; i < instances_.size(); ++i) {
    for (auto& [run, transfer] : instances_[i]->transfers) {
      const bool network =
          transfer.kind == CommandKind::fetch || transfer.kind == CommandKind::store;
      if (network && raw(transfer.command.node) == outage.node) hang(i, transfer);
    }
  }
  if (outage.from + outage.noticed < outage.until) {
    at(outage.from + outage.noticed,
       [tell_all, node = outage.node] { tell_all(EventKind::node_down, node); });
  }
  at(outage.until, [this, tell_all, node = outage.node] {
    dead_[node] = false;
    if (announced_[node]) tell_all(EventKind::node_up, node);
  });
}

}  // namespace calvo::control::fake
