#include "control/instance.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "policies/registry.hpp"

namespace calvo::control {
namespace {

constexpr int serial_shift = 24;  // a run id is (serial << 24 | slot)

}  // namespace

Instance::Instance(const EngineConfig& config, const InstanceResources& resources,
                   const models::CostModel& estimates)
    : config_(config),
      resources_(resources),
      estimates_(&estimates),
      network_order_(
          policies::make_order(config.network_order.policy, config.network_order.ageing)),
      pcie_order_(policies::make_order(config.pcie_order.policy, config.pcie_order.ageing)),
      prefill_order_(
          policies::make_order(config.prefill_order.policy, config.prefill_order.ageing)),
      restore_(policies::make_restore(name_of(config.restore))),
      walks_(config.network_start != NetworkStart::on_arrival ||
             config.pcie_start != PcieStart::on_landing),
      gpu_(resources.gpu_blocks, config.write == Write::selective),
      host_(resources.host_blocks),
      fetched_before_(4 * resources.host_blocks) {
  CALVO_EXPECT(resources.block_tokens > Tokens{0} && resources.gpu_blocks > 0);
  CALVO_EXPECT(config.concurrent_prefills > 0 && config.token_budget > 0);
  if (config.pcie_start == PcieStart::in_step && config.network_start != NetworkStart::in_step) {
    config_.pcie_start = PcieStart::at_batch;  // inside the step, behind a load that came before it
  }
  CALVO_EXPECT(resources.storage_replicas >= 1 &&
               resources.storage_replicas <= std::max(resources.storage_nodes, 1));
  down_.assign(static_cast<std::size_t>(std::max(resources.storage_nodes, 0)), false);
  CALVO_EXPECT(config.chunk_tokens > 0 && config.max_running > 0 && config.max_leap > 0);
  CALVO_EXPECT(config.run_blocks > 0 && config.late_factor > 0);
  counts_outstanding_ = restore_->wants_more() || network_order_->wants_stages() ||
                        pcie_order_->wants_stages() || prefill_order_->wants_stages();
  if (config.write != Write::none) {
    host_reserve_ = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(config.write_reserve *
                                  static_cast<double>(resources.host_blocks)),
        0, std::max<std::int64_t>(0, resources.host_blocks - 1));  // a load needs one slot
  }
  if (config.write == Write::on_evict) {
    gpu_.record_evictions();
    host_.record_evictions();
  }
}

// ---------------------------------------------------------------------------- small things

Instance::Job& Instance::new_job() {
  if (free_jobs_.empty()) {
    jobs_.emplace_back();
    jobs_.back().slot = static_cast<std::uint32_t>(jobs_.size() - 1);
    free_jobs_.push_back(jobs_.back().slot);
  }
  const std::uint32_t slot = free_jobs_.back();
  free_jobs_.pop_back();
  Job& job = jobs_[slot];
  job = Job{};
  job.slot = slot;
  job.sequence = next_sequence_++;
  ++unfinished_;
  return job;
}

std::uint32_t Instance::new_run(Flow flow) {
  if (free_runs_.empty()) {
    runs_.emplace_back();
    free_runs_.push_back(static_cast<std::uint32_t>(runs_.size() - 1));
  }
  const std::uint32_t slot = free_runs_.back();
  free_runs_.pop_back();
  Run& run = runs_[slot];
  std::vector<Waiter> waiters = std::move(run.waiters);  // keeps its memory
  waiters.clear();
  run = Run{};
  run.waiters = std::move(waiters);
  run.flow = flow;
  run.serial = next_serial_++;
  return slot;
}

void Instance::free_run(std::uint32_t slot) {
  runs_[slot].flow = Flow::none;
  free_runs_.push_back(slot);
}

RunId Instance::run_id(std::uint32_t slot) const {
  return RunId{(std::uint64_t{runs_[slot].serial} << serial_shift) | slot};
}

std::uint32_t Instance::slot_of(RunId id) {
  return static_cast<std::uint32_t>(raw(id) & ((1U << serial_shift) - 1));
}

Instance::Run& Instance::run_of(RunId id) {
  const std::uint32_t slot = slot_of(id);
  CALVO_EXPECT(slot < runs_.size());
  Run& run = runs_[slot];
  CALVO_EXPECT(run.flow != Flow::none && run.serial == raw(id) >> serial_shift);
  return run;
}

Command& Instance::command(CommandKind kind) {
  ++counters_.commands;
  Command& command = out_->commands.emplace_back();
  command.kind = kind;
  return command;
}

void Instance::set_timer(Instant at) {
  Command& timer = command(CommandKind::set_timer);
  timer.run = RunId{next_serial_++};
  timer.at = at;
  ++timers_;
}

Counters Instance::counters() const {
  Counters counters = counters_;
  counters.gpu_evictions = gpu_.evictions();
  counters.host_evictions = host_.evictions();
  return counters;
}

// ---------------------------------------------------------------------------- events

void Instance::handle(std::span<const Event> batch, CommandBuffer& out) {
  out_ = &out;
  bool boundary = false;
  const bool at_step = config_.completion_seen == CompletionSeen::at_step;
  for (const Event& event : batch) {
    CALVO_EXPECT(event.time >= now_);
    now_ = event.time;
    ++counters_.events;
    if (event.kind == EventKind::step_done) continue;
    const bool transfer = event.kind == EventKind::fetch_done || event.kind == EventKind::copy_done;
    const bool in_step = step_phase_ == StepPhase::loading;
    if (event.kind == EventKind::drained && run_of(event.run).flow == Flow::fetch) {
      CALVO_EXPECT(at_step);  // the end of the transfer has not been looked at yet
      deferred_.push_back(event);
      continue;
    }
    if (at_step && transfer && (!in_step || !deferred_.empty())) {
      boundary = boundary || in_step;  // the step looks at what it waits for, in order
      deferred_.push_back(event);
      run_of(event.run).cutting = true;  // it has ended: not to be cut any more
      continue;
    }
    if (event.kind == EventKind::timer && poll_set_ && event.run == poll_) poll_set_ = false;
    boundary = true;
    apply(event);
  }
  for (const Event& event : batch) {  // what landed at this date may join the next batch
    if (event.kind != EventKind::step_done) continue;
    boundary = true;
    apply(event);
  }
  if (!deferred_.empty() && step_phase_ != StepPhase::running) {
    if (boundary) {
      due_.swap(deferred_);
      for (const Event& event : due_) apply(event);
      due_.clear();
    } else if (!poll_set_) {
      set_timer(now_ + to_nanoseconds(config_.idle_poll));
      poll_ = out_->commands.back().run;
      poll_set_ = true;
    }
  }
  if (!deferred_.empty()) reform_ = true;  // a running leap ends at its next boundary
  dispatch();
}

void Instance::apply(const Event& event) {
  switch (event.kind) {
    case EventKind::arrival:
      arrive(event);
      break;
    case EventKind::lookup_done:
      looked_up(event);
      break;
    case EventKind::fetch_done:
      fetched(event);
      break;
    case EventKind::copy_done:
      copied(event);
      break;
    case EventKind::store_done:
      stored(event);
      break;
    case EventKind::step_done:
      stepped(event);
      break;
    case EventKind::cancel:
      cancel(event.request);
      break;
    case EventKind::timer:
      --timers_;
      reform_ = true;
      break;
    case EventKind::drained:
      drained(event);
      break;
    case EventKind::node_down:
    case EventKind::node_up:
      set_down(event.node, event.kind == EventKind::node_down);
      break;
    case EventKind::finished:
      break;
  }
}

void Instance::arrive(const Event& event) {
  CALVO_EXPECT(event.spec != nullptr);
  const RequestSpec& spec = *event.spec;
  if (blocks_for(spec.input + output_of(spec)) > gpu_.capacity()) {
    Command& reject = command(CommandKind::reject);
    reject.request = spec.id;
    reject.reason = RejectReason::larger_than_gpu_memory;
    reject.times.arrival = event.time;
    return;
  }
  Job& job = new_job();
  job.spec = &spec;
  job.times.arrival = event.time;
  job.target = spec.input;
  job.phase = Phase::looking_up;

  const std::int32_t usable = usable_blocks(job);
  std::int32_t local = resident_end(gpu_, spec, 0, usable);
  local = resident_end(host_, spec, local, usable);
  job.lookup_from = job.remote_to = local;
  const bool remote = resources_.storage_nodes > 0 && resources_.host_blocks > 0 &&
                      config_.restore != Restore::recompute_all;
  if (!remote || local == usable) {
    plan(job);
    return;
  }
  Command& lookup = command(CommandKind::lookup);
  lookup.request = spec.id;
  lookup.run = RunId{(static_cast<std::uint64_t>(next_serial_++) << serial_shift) | job.slot};
  lookup.from = local;
  lookup.to = usable;
  ++lookups_in_flight_;
}

void Instance::looked_up(const Event& event) {
  --lookups_in_flight_;
  Job& job = jobs_[slot_of(event.run)];
  CALVO_EXPECT(job.phase == Phase::looking_up);
  job.remote_to = std::max(job.lookup_from, event.blocks);
  plan(job);
  settle_cancelled(job);
}

void Instance::set_phase(Job& job, Phase phase) {
  job.phase = phase;
  update_queues(job);
}

void Instance::update_queues(Job& job) {
  const bool pending = job.phase == Phase::waiting || job.phase == Phase::member;
  if (job.fetching == 0 && job.joined_fetches == 0) {
    job.net_issued = std::max(job.landed, job.gpu);  // what was cut or evicted is asked again
  }
  if (job.copying == 0 && job.joined_copies == 0) job.gpu_issued = job.gpu;
  const auto keep = [&](auto& queue, auto& hook, bool wanted) {
    if (wanted && !hook.is_linked()) queue.insert(job);
    if (!wanted && hook.is_linked()) queue.erase(queue.iterator_to(job));
  };
  keep(network_queue_, static_cast<Hook<NetTag>&>(job),
       pending && job.network_enabled && !job.resident && !job.gave_up && job.net_issued < job.use);
  keep(pcie_queue_, static_cast<Hook<PcieTag>&>(job),
       pending && job.pcie_enabled && pcie_has_source(job));
  count_ready(job);
  const bool candidate = job.phase == Phase::waiting && (walks_ || job.resident || loads_over(job));
  if (candidate && !walks_) reform_ = true;
  keep(waiting_, static_cast<Hook<WaitTag>&>(job), candidate);
  watch_deadline(job);
}

void Instance::count_ready(Job& job) {
  const bool ready = job.wanted > 0 && static_cast<Hook<PcieTag>&>(job).is_linked();
  if (ready != job.counted_ready) ready_copies_ += ready ? 1 : -1;
  job.counted_ready = ready;
}

// ---------------------------------------------------------------------------- leaving

void Instance::leave(Job& job) {
  count_outstanding(job, {});
  release_host(job);
  release_gpu(job);
  if (job.counted_prefetch) --prefetching_;
  job.counted_prefetch = false;
  set_phase(job, Phase::free);
  free_jobs_.push_back(job.slot);
  --unfinished_;
  reform_ = true;
}

void Instance::finish(Job& job) {
  job.times.finish = now_;
  Command& done = command(CommandKind::finish);
  done.request = job.spec->id;
  done.cached = job.cached;
  done.preemptions = job.preemptions;
  done.times = job.times;
  if (config_.decode) {
    // The KV of the last token is never computed: it would only serve a token after it.
    const std::int64_t kv = job.spec->input.count() + job.generated - 1;
    const std::int32_t from = job.gpu;
    name_blocks(job, static_cast<std::int32_t>(kv / resources_.block_tokens.count()));
    write_back(*job.spec, from, job.gpu);
  }
  leave(job);
}

void Instance::cancel(RequestId request) {
  for (Job& job : jobs_) {
    if (job.phase == Phase::free || job.spec->id != request) continue;
    job.cancelled = true;
    settle_cancelled(job);
    return;
  }
}

/// A cancelled job leaves as soon as nothing that is in flight belongs to it.
void Instance::settle_cancelled(Job& job) {
  if (!job.cancelled || job.phase == Phase::free || job.phase == Phase::looking_up) return;
  if (job.phase == Phase::member || job.phase == Phase::prefilling ||
      job.phase == Phase::decoding) {
    if (step_phase_ == StepPhase::running) {
      reform_ = true;  // leaves when the step has ended
      return;
    }
    std::erase(prefilling_, job.slot);
    std::erase(decoding_, job.slot);
    std::erase(members_, job.slot);
    if (members_.empty() && decoding_.empty()) step_phase_ = StepPhase::idle;
    set_phase(job, Phase::waiting);
  }
  truncate(job, 0);
  job.network_enabled = job.pcie_enabled = false;
  if (job.fetching + job.copying > 0) {
    cut_own(job, active_fetches_, CommandKind::cut_fetch);
    cut_own(job, active_copies_, CommandKind::cut_copy);
    update_queues(job);
    return;
  }
  Command& gone = command(CommandKind::cancelled);
  gone.request = job.spec->id;
  gone.times = job.times;
  gone.cached = job.cached;
  leave(job);
}

// ---------------------------------------------------------------------------- dispatching

void Instance::dispatch() {
  const auto dispatch_loads = [this] {
    do {
      again_ = false;
      dispatch_network();
      dispatch_pcie();
    } while (again_);
  };
  if (config_.late == Late::last) put_late_last();
  if (step_phase_ == StepPhase::idle) hold_growth();
  for (std::size_t give_way = 1;; ++give_way) {
    // Memory that somebody gave up is first of all for the step.
    if (give_way == 1 || step_phase_ != StepPhase::idle) dispatch_loads();
    if (step_phase_ == StepPhase::idle) {
      do {
        now_loaded_ = false;
        form_step();
        dispatch_loads();  // the step may have enabled some
      } while (step_phase_ == StepPhase::idle && now_loaded_);
    }
    if (step_phase_ == StepPhase::loading && members_loaded()) launch();
    dispatch_writes();
    if (unfinished_ == 0 || anything_in_flight()) break;
    // Only an engine that holds memory while it waits can come here: the last in order gives way;
    // if that does not help, the last two, and so on, until the first can have all it needs.
    CALVO_ENSURE(release_worst(give_way));
    ++counters_.forced_releases;
    hold_growth();
  }
  only_ = none;
  if (step_phase_ == StepPhase::running && step_iterations_ > 1 && reform_ && !step_cut_) {
    command(CommandKind::cut_step).run = step_id_;
    step_cut_ = true;
  }
}

bool Instance::anything_in_flight() const {
  return !active_fetches_.empty() || !active_copies_.empty() || lookups_in_flight_ > 0 ||
         writes_in_flight_ > 0 || step_phase_ == StepPhase::running || timers_ > 0 || draining_ > 0;
}

/// It gives up all memory and waits as if nothing of it had been loaded.
void Instance::park(Job& job) {
  std::erase(members_, job.slot);
  release_host(job);
  release_gpu(job);
  if (config_.network_start != NetworkStart::on_arrival) {
    job.network_enabled = job.pcie_enabled = false;
  }
  if (job.counted_prefetch) --prefetching_;
  job.counted_prefetch = false;
  job.resident = job.use == 0;
  set_phase(job, Phase::waiting);
}

/// Takes their memory from the `count` requests that are last in the prefill order among those that
/// hold any while they wait, and lets only the first of all that wait take any; false if that
/// leaves everything as it is.
bool Instance::release_worst(std::size_t count) {
  holders_.clear();
  const Job* best = nullptr;
  for (Job& job : jobs_) {
    const bool holds =
        job.wanted > 0 || job.gpu > 0 || job.anonymous > 0 || job.landed > job.host_low;
    const bool parked = job.phase == Phase::waiting || job.phase == Phase::member;
    if (parked && holds) holders_.push_back(&job);
    if (parked && (best == nullptr || By<&Job::prefill_key>{}(job, *best))) best = &job;
  }
  only_ = best == nullptr ? none : best->slot;
  if (count > 2 * (jobs_.size() + 1)) return false;
  if (count > holders_.size()) {
    if (decoding_.size() + prefilling_.size() >= 2) {  // running requests hold the rest
      preempt(jobs_[prefilling_.empty() ? decoding_.back() : prefilling_.back()]);
      return true;
    }
    if (holders_.empty()) return false;
  }
  std::ranges::sort(holders_,
                    [](const Job* a, const Job* b) { return By<&Job::prefill_key>{}(*b, *a); });
  holders_.resize(std::min(count, holders_.size()));
  for (Job* job : holders_) park(*job);
  if (step_phase_ == StepPhase::loading && members_.empty()) step_phase_ = StepPhase::idle;
  return true;
}

}  // namespace calvo::control
