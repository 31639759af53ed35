// Storage nodes of the simulated world that go down or slow down, and come back.
#include <string>

#include "sim/cluster.hpp"

namespace calvo::sim {

using control::Event;
using control::EventKind;

void Cluster::schedule_faults() {
  for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
    const scenarios::Fault& one = scenario_.faults[i];
    world_.at(Instant{to_nanoseconds(one.at)}, {fault, 0, i, 0});
    if (one.until > Seconds{0}) world_.at(Instant{to_nanoseconds(one.until)}, {fault, 0, i, 0});
  }
}

/// One has begun or ended: another of its kind may begin at the same date, so that only all of them
/// say what holds from now on.
void Cluster::fault_changes(const scenarios::Fault& changed) {
  double factor = 1;
  bool holds = false;
  for (const scenarios::Fault& one : scenario_.faults) {
    if (one.node != changed.node || one.kind != changed.kind) continue;
    const bool begun = Instant{to_nanoseconds(one.at)} <= world_.date();
    const bool over = one.until > Seconds{0} && Instant{to_nanoseconds(one.until)} <= world_.date();
    if (!begun || over) continue;
    holds = true;
    factor = one.factor;
  }
  if (changed.kind == scenarios::FaultKind::slow) {
    scale_nics(changed.node, factor);
    return;
  }
  const StorageId node{static_cast<std::uint32_t>(changed.node)};
  if (holds == transfers_.is_down(node)) return;
  if (holds) {
    transfers_.node_down(node);
  } else {
    transfers_.node_up(node);
    tell_up(node);
  }
}

/// Whoever was told that it is down is told that it is back, unless nobody needs it any more.
void Cluster::tell_up(StorageId node) {
  if (!work_left()) return;
  for (std::uint32_t host = 0; host < hosts_.size(); ++host) {
    if (!hosts_[host].missed[raw(node)]) continue;
    hosts_[host].missed[raw(node)] = false;
    Event up;
    up.kind = EventKind::node_up;
    up.node = node;
    post(host, up);
  }
}

void Cluster::scale_nics(std::int32_t node, double factor) {
  const std::string nics = "storage" + std::to_string(node) + ".nic";
  for (std::size_t i = 0; i < topology_.links().size(); ++i) {
    const LinkInfo& link = topology_.links()[i];
    if (!link.name.starts_with(nics)) continue;
    world_.network().set_capacity(LinkId{static_cast<std::uint32_t>(i)}, link.capacity * factor);
  }
}

/// An instance notices that a node is down when a transfer there has timed out, if it still is.
void Cluster::note_timeout(std::uint32_t host, StorageId node) {
  if (!transfers_.is_down(node) || hosts_[host].missed[raw(node)]) return;
  hosts_[host].missed[raw(node)] = true;
  Event down;
  down.kind = EventKind::node_down;
  down.node = node;
  post(host, down);
}

}  // namespace calvo::sim
