#include "sim/cluster.hpp"

#include <algorithm>
#include <string>

#include "core/block_pieces.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::sim {

using control::Command;
using control::CommandKind;
using control::Event;
using control::EventKind;

namespace {

std::deque<control::StorageNode> make_storage(const scenarios::Scenario& scenario) {
  std::deque<control::StorageNode> nodes;
  for (std::int32_t i = 0; i < scenario.instance.storage_nodes; ++i) {
    nodes.emplace_back(scenario.remote_blocks);
  }
  return nodes;
}

}  // namespace

Cluster::Cluster(scenarios::Scenario& scenario, World& world, const SimulateOptions& options)
    : scenario_(scenario),
      world_(world),
      options_(options),
      topology_(scenario.topology, scenario.gpu.pcie.bandwidth, scenario.engine.tensor_parallel),
      timeline_(scenario.simulation.timeline),
      storage_(make_storage(scenario)),
      storage_memory_(storage_.size()),
      router_(scenario.routing, topology_.instances(), scenario.instance, *scenario.estimates),
      transfers_(scenario, (topology_.install(world.network()), world), topology_, storage_,
                 timeline_, *this, transfer),
      recorder_(options),
      requests_(scenario.workload->requests()) {
  for (std::int32_t i = 0; i < topology_.instances(); ++i) {
    hosts_.emplace_back(scenario);
    hosts_.back().missed.assign(storage_.size(), false);
    hosts_.back().gpu_track = timeline_.add_track("instance" + std::to_string(i) + ".gpu");
  }
}

RunResult Cluster::run() {
  preload();
  arrivals_ = scenario_.workload->start();
  schedule_arrivals();
  schedule_faults();
  if (scenario_.simulation.time_limit > Seconds{0}) {
    world_.at(Instant{to_nanoseconds(scenario_.simulation.time_limit)}, {time_limit, 0, 0, 0});
  }
  world_.run(*this);
  recorder_.finish();
  return collect();
}

/// What the workload says lies in the remote pool, least recently used first.
void Cluster::preload() {
  if (storage_.empty()) return;
  for (BlockRun run : scenario_.workload->initially_stored()) {
    while (run.count > 0) {
      const control::PlacedRun piece = control::leading_extent(run, scenario_.instance);
      for (std::int32_t i = 0; i < scenario_.instance.storage_replicas; ++i) {
        const StorageId node = control::replica_of(piece.node, i, scenario_.instance);
        storage_[raw(node)].preload(piece.blocks);
      }
      run = behind(run, piece.blocks.count);
    }
  }
}

bool Cluster::work_left() const {
  const bool idle =
      std::ranges::all_of(hosts_, [](const Host& host) { return host.instance.unfinished() == 0; });
  return !idle || next_arrival_ < arrivals_.size();
}

void Cluster::refuse_longer() const {
  throw InputError({scenario_.file, 0, 0}, "simulation.time_limit",
                   std::to_string(requests_.ended()) + " of " + std::to_string(requests_.size()) +
                       " requests have ended after the longest run, " + longest_run_text +
                       "; correct rates and times of the scenario, or set a limit");
}

// ---------------------------------------------------------------------------- events in

void Cluster::schedule_arrivals() {
  if (next_arrival_ == arrivals_.size()) return;
  world_.at(arrivals_[next_arrival_].at, {arrival, 0, 0, ++arrival_version_});
}

void Cluster::on_events(Instant date, std::span<const WorldEvent> events) {
  if (date > Instant{to_nanoseconds(longest_run)} && work_left()) refuse_longer();
  for (const WorldEvent& event : events) {
    if (event.source == WorldEvent::Source::flow) transfers_.mark_done(event.tag);
  }
  for (const WorldEvent& event : events) translate(event);
  launch_gated();
  deliver();
  launch_gated();
  transfers_.follow();
  if (options_.progress && ++batches_ % 1000 == 0) {
    options_.progress({requests_.ended(), requests_.size(), seconds_of(date)});
  }
}

void Cluster::translate(const WorldEvent& event) {
  if (event.source == WorldEvent::Source::flow) {
    transfers_.on_flow_done(event.tag);
    return;
  }
  const TimerEvent& timer = event.timer;
  switch (static_cast<Kind>(timer.kind)) {
    case arrival: {
      if (timer.version != arrival_version_) return;
      while (next_arrival_ < arrivals_.size() && arrivals_[next_arrival_].at <= world_.date()) {
        RequestSpec& spec = requests_.spec(arrivals_[next_arrival_++].request->id);
        spec.arrival = world_.date();
        requests_.arrived(spec);
        Event arrived;
        arrived.kind = EventKind::arrival;
        arrived.time = world_.date();
        arrived.spec = &spec;
        router_inbox_.push_back(arrived);
      }
      schedule_arrivals();
      return;
    }
    case lookup: {
      const PendingLookup pending = lookups_[timer.id];
      free_lookups_.push_back(static_cast<std::uint32_t>(timer.id));
      Event done;
      done.kind = EventKind::lookup_done;
      done.run = pending.run;
      done.request = pending.request;
      done.blocks = lookup_end(pending);
      post(pending.host, done);
      return;
    }
    case step_end: {
      Host& host = hosts_[timer.index];
      if (timer.version != host.gpu.version() || !host.gpu.busy()) return;
      if (host.gpu.advance(world_.date())) {
        step_over(timer.index);
      } else {
        schedule_step(timer.index);
      }
      return;
    }
    case time_limit: {
      if (work_left()) world_.stop();
      return;
    }
    case control_timer: {
      Event due;
      due.kind = EventKind::timer;
      due.run = RunId{timer.id};
      post(timer.index, due);
      return;
    }
    case transfer:
      transfers_.on_timer(static_cast<std::uint32_t>(timer.id), timer.version);
      return;
    case fault:
      fault_changes(scenario_.faults[timer.id]);
      return;
  }
}

void Cluster::post(std::uint32_t host, const Event& event) {
  std::vector<Event>& inbox = hosts_[host].inbox;
  if (inbox.empty()) touched_.push_back(host);
  inbox.push_back(event);
  inbox.back().time = world_.date();
}

/// Hands each reducer its events of this date as one batch, until none is left: what an instance
/// commands may be over at once.
void Cluster::deliver() {
  while (!router_inbox_.empty() || !touched_.empty()) {
    result_.end = world_.date();  // a timer that nobody needs any more is not part of the run
    if (!router_inbox_.empty()) {
      std::vector<Event> batch;
      batch.swap(router_inbox_);
      commands_.clear();
      router_.handle(batch, commands_);
      recorder_.batch(control::router_index, batch, commands_);
      for (const Command& command : commands_.commands) {
        post(raw(command.instance), requests_.dispatched(command));
      }
      batch.clear();
      if (router_inbox_.empty()) router_inbox_.swap(batch);  // keeps its memory
    }
    std::ranges::sort(touched_);
    std::vector<std::uint32_t> round;
    round.swap(touched_);
    for (const std::uint32_t index : round) {
      Host& host = hosts_[index];
      std::vector<Event> batch;
      batch.swap(host.inbox);
      commands_.clear();
      host.instance.handle(batch, commands_);
      recorder_.batch(index, batch, commands_);
      batch.clear();
      host.inbox.swap(batch);
      execute(index);
      host.gpu_memory.note(world_.date(), host.instance.gpu_blocks_used());
      host.host_memory.note(world_.date(), host.instance.host_blocks_used());
    }
    round.clear();
    if (touched_.empty()) touched_.swap(round);
  }
  if (!timeline_.enabled()) return;
  for (std::size_t i = 0; i < storage_.size(); ++i) {
    const std::int64_t used = storage_[i].used();
    if (used != storage_memory_[i].last()) storage_memory_[i].note(world_.date(), used);
  }
}

// ---------------------------------------------------------------------------- commands out

void Cluster::execute(std::uint32_t host) {
  for (const Command& command : commands_.commands) execute(host, command);
}

void Cluster::execute(std::uint32_t host, const Command& command) {
  switch (command.kind) {
    case CommandKind::lookup: {
      if (free_lookups_.empty()) {
        lookups_.emplace_back();
        free_lookups_.push_back(static_cast<std::uint32_t>(lookups_.size() - 1));
      }
      const std::uint32_t slot = free_lookups_.back();
      free_lookups_.pop_back();
      lookups_[slot] = {host, command.run, command.request, command.from, command.to};
      const Seconds delay = scenario_.topology.round_trip + scenario_.engine.costs.lookup;
      world_.at(world_.date() + to_nanoseconds(delay), {lookup, host, slot, 0});
      return;
    }
    case CommandKind::fetch:
    case CommandKind::copy_in:
      transfers_.start(host, command, &requests_.spec(command.request));
      return;
    case CommandKind::copy_out:
    case CommandKind::store:
      transfers_.start(host, command, nullptr);
      return;
    case CommandKind::cut_fetch:
    case CommandKind::cut_copy:
      transfers_.cut(host, command.run);
      return;
    case CommandKind::run_step:
      start_step(host, command);
      return;
    case CommandKind::cut_step: {
      Host& target = hosts_[host];
      if (target.gpu.busy()) {
        target.gpu.cut(world_.date());
        schedule_step(host);
      }
      return;
    }
    case CommandKind::preempt:  // memory is only counted here
      return;
    case CommandKind::set_timer:
      world_.at(command.at, {control_timer, host, raw(command.run), 0});
      return;
    case CommandKind::finish:
    case CommandKind::reject:
    case CommandKind::cancelled:
      end_request(command);
      return;
    case CommandKind::dispatch:
      CALVO_EXPECT(false);
      return;
  }
}

/// Leading blocks of `piece` that some node has which is up.
std::int32_t Cluster::stored_prefix(const control::PlacedRun& piece) const {
  std::int32_t found = 0;
  for (std::int32_t more = 1; more > 0 && found < piece.blocks.count; found += more) {
    more = 0;
    for (std::int32_t i = 0; i < scenario_.instance.storage_replicas; ++i) {
      const StorageId node = control::replica_of(piece.node, i, scenario_.instance);
      if (transfers_.is_down(node)) continue;
      more = std::max(more, storage_[raw(node)].lookup(behind(piece.blocks, found)));
    }
  }
  return found;
}

/// End of the contiguous stored prefix, block runs and storage nodes in order.
std::int32_t Cluster::lookup_end(const PendingLookup& pending) const {
  const RequestSpec& spec = requests_.spec(pending.request);
  std::int32_t end = pending.from;
  for_pieces(spec, pending.from, pending.to, [&](BlockRun run, std::int32_t) {
    return control::for_node_pieces(run, scenario_.instance, [&](const control::PlacedRun& piece) {
      const std::int32_t stored = stored_prefix(piece);
      end += stored;
      return stored == piece.blocks.count;
    });
  });
  return end;
}

void Cluster::end_request(const Command& command) {
  requests_.ended(command, scenario_.engine.decode);
  const RequestSpec& spec = requests_.spec(command.request);
  Event left;
  left.kind = EventKind::finished;
  left.time = world_.date();
  left.request = spec.id;
  router_inbox_.push_back(left);

  follow_ups_.clear();
  scenario_.workload->finished(spec, world_.date(), follow_ups_);
  if (follow_ups_.empty()) return;
  // Known arrivals stay sorted; what has been delivered is dropped when it is most of them.
  if (next_arrival_ > 64 && next_arrival_ * 2 > arrivals_.size()) {
    arrivals_.erase(arrivals_.begin(),
                    arrivals_.begin() + static_cast<std::ptrdiff_t>(next_arrival_));
    next_arrival_ = 0;
  }
  const auto before = [](const traces::Due& a, const traces::Due& b) {
    return a.at != b.at ? a.at < b.at : raw(a.request->id) < raw(b.request->id);
  };
  for (const traces::Due& due : follow_ups_) {
    CALVO_EXPECT(due.at >= world_.date());
    const auto first = arrivals_.begin() + static_cast<std::ptrdiff_t>(next_arrival_);
    arrivals_.insert(std::upper_bound(first, arrivals_.end(), due, before), due);
  }
  schedule_arrivals();
}

// ---------------------------------------------------------------------------- transfers

void Cluster::transfer_done(const Transfer& over) {
  Event done;
  done.run = over.run;
  done.blocks = over.granted;
  switch (over.kind) {
    case TransferKind::fetch:
      done.kind = EventKind::fetch_done;
      if (over.granted < over.blocks) {
        done.status = over.missing && !over.cut ? control::TransferStatus::missing
                                                : control::TransferStatus::cut;
      }
      if (over.timed_out) done.status = control::TransferStatus::timeout;
      break;
    case TransferKind::copy_in:
      done.kind = EventKind::copy_done;
      if (over.cut) done.status = control::TransferStatus::cut;
      break;
    case TransferKind::copy_out:
    case TransferKind::store:
      done.kind = EventKind::store_done;
      if (over.timed_out) {
        done.status = control::TransferStatus::timeout;
        done.blocks = 0;
      }
      break;
  }
  post(over.host, done);
  if (over.timed_out) note_timeout(over.host, over.node);
  if (done.status == control::TransferStatus::timeout && over.kind == TransferKind::fetch) {
    done.kind = EventKind::drained;  // a simulated connection holds nothing back
    done.status = control::TransferStatus::ok;
    done.blocks = 0;
    post(over.host, done);
  }
}

void Cluster::copies_changed(std::uint32_t index, std::int64_t flowing) {
  Host& host = hosts_[index];
  const double slowdown = scenario_.gpu.interference.copy_slows_compute;
  if (slowdown > 0) {
    host.gpu.set_slowdown(world_.date(), flowing > 0 ? slowdown : 0);
    schedule_step(index);
  }
  if (flowing < host.copies && host.step.waiting) launch_if_loaded_.push_back(index);
  host.copies = flowing;
}

}  // namespace calvo::sim
