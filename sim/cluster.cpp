#include "sim/cluster.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/block_pieces.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/random.hpp"
#include "sim/layer_pipeline.hpp"

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
      run = control::behind(run, piece.blocks.count);
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

double Cluster::noise() {
  if (scenario_.simulation.truth_noise == 0) return 1;
  Random random(scenario_.seed ^ 0x73746570ULL, noise_draws_++);
  return std::exp(scenario_.simulation.truth_noise * random.normal());
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
        CALVO_EXPECT(command.kind == CommandKind::dispatch);
        requests_.dispatched(command);
        Event arrived;
        arrived.kind = EventKind::arrival;
        arrived.spec = &requests_.spec(command.request);
        post(raw(command.instance), arrived);
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
      more = std::max(more, storage_[raw(node)].lookup(control::behind(piece.blocks, found)));
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

// ---------------------------------------------------------------------------- steps

void Cluster::start_step(std::uint32_t index, const Command& command) {
  Host& host = hosts_[index];
  Step& step = host.step;
  step.run = command.run;
  step.gate = command.gate;
  step.formed = world_.date();
  step.iterations = command.iterations;
  step.decodes = command.decodes;
  step.decode_context = command.decode_context;
  step.parts.clear();
  step.requests.clear();
  for (const control::StepPart& part : commands_.parts_of(command)) {
    step.parts.push_back(part.tokens);
    step.requests.push_back(part.request);
  }
  step.first_copy = never;
  step.waiting = false;
  if (step.gate == control::Gate::layers) {
    for (const RequestId request : step.requests) {
      step.waiting = transfers_.copies_of(index, request, step.first_copy) > 0 || step.waiting;
    }
  }
  if (!step.waiting) launch_step(index);
}

/// The kernels run from now on. A step that computes layer by layer behind its copies is launched
/// when the last of them lands, with a head start: the layers it has run meanwhile.
void Cluster::launch_step(std::uint32_t index) {
  Host& host = hosts_[index];
  Step& step = host.step;
  StepPlan plan;
  plan.model = scenario_.truth.get();
  plan.shape = {step.parts, step.decodes, step.decode_context};
  plan.iterations = step.iterations;
  plan.overhead = scenario_.engine.costs.step;
  plan.factor = noise();
  if (step.waiting) {
    const int layers = scenario_.truth->layers();
    const Seconds work = plan.factor * scenario_.truth->step(plan.shape).first + plan.overhead;
    const Seconds per_layer = work / layers;
    const Seconds last = to_seconds(world_.date() - step.formed);
    const Seconds began = to_seconds(step.first_copy - step.formed);
    const Seconds first = began + (last - began) / layers;
    const Seconds end = last_layer_end(first, last, layers, Seconds{0}, per_layer);
    plan.head_start = std::max(Seconds{0}, work - (end - last));
    step.waiting = false;
  }
  host.gpu.start(world_.date(), plan);
  schedule_step(index);
  const double slows = scenario_.gpu.interference.compute_slows_copy;
  if (slows > 0) {
    const double lane = scenario_.gpu.pcie.bandwidth.count() / (1 + slows);
    for (std::int32_t gpu = 0; gpu < scenario_.engine.tensor_parallel; ++gpu) {
      world_.network().set_capacity(topology_.h2d_lane(InstanceId{index}, gpu), lane);
    }
  }
}

/// A copy has ended somewhere: steps that were waiting for their last one begin.
void Cluster::launch_gated() {
  for (const std::uint32_t index : launch_if_loaded_) {
    Host& host = hosts_[index];
    if (!host.step.waiting) continue;
    bool copying = false;
    Instant earliest = never;
    for (const RequestId request : host.step.requests) {
      copying = transfers_.copies_of(index, request, earliest) > 0 || copying;
    }
    if (!copying) launch_step(index);
  }
  launch_if_loaded_.clear();
}

void Cluster::schedule_step(std::uint32_t index) {
  const Host& host = hosts_[index];
  if (host.gpu.busy()) {
    world_.at(host.gpu.next_date(), {step_end, index, 0, host.gpu.version()});
  }
}

void Cluster::step_over(std::uint32_t index) {
  Host& host = hosts_[index];
  Step& step = host.step;
  if (!step.parts.empty()) host.prompt_time += world_.date() - step.formed;
  const char* what = step.parts.empty() ? "decode"
                     : step.decodes > 0 ? "prefill+decode"
                                        : "prefill";
  const RequestSpec* spec =
      step.requests.size() == 1 ? &requests_.spec(step.requests.front()) : nullptr;
  timeline_.add(host.gpu_track, spec, what, step.formed, world_.date());
  if (scenario_.gpu.interference.compute_slows_copy > 0) {
    for (std::int32_t gpu = 0; gpu < scenario_.engine.tensor_parallel; ++gpu) {
      world_.network().set_capacity(topology_.h2d_lane(InstanceId{index}, gpu),
                                    scenario_.gpu.pcie.bandwidth.count());
    }
  }
  Event done;
  done.kind = EventKind::step_done;
  done.run = step.run;
  done.iterations = host.gpu.iterations();
  post(index, done);
}

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

// ---------------------------------------------------------------------------- results

RunResult Cluster::collect() {
  RunResult result = std::move(result_);
  result.requests = requests_.take();
  if (world_.stopped()) {
    result.complete = false;
    result.end = world_.date();
  }
  const Instant end = result.end;
  Instant begin = end;
  for (const RequestRecord& request : result.requests) {
    begin = std::min(begin, request.times.arrival);
  }
  const double span = to_seconds(end - begin).count();
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    const std::string name = "instance" + std::to_string(i);
    if (result.complete) CALVO_ENSURE(host.instance.unfinished() == 0);
    ResourceUse gpu{name + ".gpu", ResourceKind::gpu, 0, 0, Bytes{0}};
    gpu.utilization = span > 0 ? to_seconds(host.gpu.busy_time(end)).count() / span : 0;
    gpu.prompt_share = span > 0 ? to_seconds(host.prompt_time).count() / span : 0;
    result.resources.push_back(gpu);
    const auto memory = [&](const std::string& tier, MemoryUse& use, std::int64_t capacity) {
      if (capacity == 0) return;
      result.resources.push_back({name + tier, ResourceKind::memory, use.mean(begin, end, capacity),
                                  use.peak(capacity), Bytes{0}});
      if (timeline_.enabled()) result.memory.push_back(use.history(name + tier, end, capacity));
    };
    memory(".gpu_memory", host.gpu_memory, scenario_.instance.gpu_blocks);
    memory(".host_memory", host.host_memory, scenario_.instance.host_blocks);
    const Counters& counters = host.instance.counters();
    result.counters += counters;
  }
  for (std::size_t i = 0; i < topology_.links().size(); ++i) {
    const LinkInfo& link = topology_.links()[i];
    const double carried = world_.network().carried(LinkId{static_cast<std::uint32_t>(i)});
    result.resources.push_back({link.name, link.kind, span > 0 ? carried / link.capacity / span : 0,
                                0, Bytes{static_cast<std::int64_t>(std::llround(carried))}});
  }
  for (std::size_t i = 0; i < storage_.size(); ++i) {
    const control::StorageNode& node = storage_[i];
    result.counters.remote_evictions += node.evictions();
    const double used = node.capacity() > 0 ? static_cast<double>(node.used()) /
                                                  static_cast<double>(node.capacity())
                                            : 0;
    result.resources.push_back(
        {"storage" + std::to_string(i) + ".memory", ResourceKind::memory, used, used, Bytes{0}});
    if (timeline_.enabled() && node.capacity() > 0) {
      result.memory.push_back(
          storage_memory_[i].history(result.resources.back().name, end, node.capacity()));
    }
  }
  timeline_.move_to(result);
  return result;
}

}  // namespace calvo::sim
