// Steps: forming a batch, waiting for what it needs, running it, and what it leaves.
#include <algorithm>

#include "control/instance.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {

void Instance::form_step() {
  reform_ = false;
  step_limit_ = StepLimit::none;
  step_formed_ = now_;
  CALVO_EXPECT(members_.empty());
  if (config_.network_start == NetworkStart::first_probe) probe_waiting();

  std::int64_t budget = config_.token_budget - static_cast<std::int64_t>(decoding_.size());
  for (const std::uint32_t slot : prefilling_) add_part(jobs_[slot], budget);

  bool full = false;  // a request better than those that follow waits for memory
  std::int32_t admitted = 0;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto running =
        static_cast<std::int32_t>(prefilling_.size() + decoding_.size()) + admitted;
    step_limit_ = budget <= 0                      ? StepLimit::token_budget
                  : running >= config_.max_running ? StepLimit::max_running
                  : static_cast<std::int32_t>(members_.size()) >= config_.concurrent_prefills
                      ? StepLimit::concurrent_prefills
                      : StepLimit::none;
    if (step_limit_ != StepLimit::none) break;
    Job& job = *next;
    ++next;  // the job may leave the queue
    if (full && job.wanted < prefill_blocks(job)) continue;
    if (gives_way(job)) continue;
    const Start start = try_start(job);
    if (start == Start::no_space && config_.no_space == NoSpace::break_) {
      if (walks_) break;
      full = true;  // those that hold all they need are not behind it: memory comes from their end
    }
    if (start == Start::started) {
      ++admitted;
      add_part(job, budget);
    }
  }
  if (config_.coupling == Coupling::serial && !members_.empty()) {
    for (const std::uint32_t slot : members_) {
      Job& job = jobs_[slot];
      if (job.phase == Phase::member && !loads_over(job)) {
        enable_loads(job);  // one request's load at a time; the others follow in members_loaded()
        update_queues(job);
        break;
      }
    }
  }
  if (!members_.empty() || !decoding_.empty()) step_phase_ = StepPhase::loading;
}

/// Starts network loads of waiting requests that a step has merely seen.
void Instance::probe_waiting() {
  bool full = false;  // memory is promised in order: nobody takes what a better request lacks
  const auto reserve = [&](Job& job, std::int64_t slots, std::int64_t owed) {
    if (!full && !commit(job, slots, owed)) full = config_.no_space == NoSpace::break_;
  };
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (config_.prefetch_requests > 0 && prefetching_ >= config_.prefetch_requests) return;
    Job& job = *next;
    ++next;
    if (gives_way(job)) continue;
    const std::int64_t all = prefill_blocks(job);
    const bool at_begin = config_.gpu_memory == GpuMemory::at_load_begin;
    if (at_begin && (job.resident || loads_over(job))) reserve(job, all, 0);
    if (job.network_enabled || job.resident) continue;
    if (at_begin) reserve(job, load_blocks(job), all - load_blocks(job));
    enable_loads(job);
    update_queues(job);
  }
}

/// Whether the network load of a waiting request is over, by waiting or by giving up.
bool Instance::network_over(Job& job) {
  if (job.landed >= job.use || job.gpu >= job.use) return true;
  if (config_.load_stop == LoadStop::wait) return false;
  if (config_.load_stop == LoadStop::timeout) {
    const double kilotokens =
        static_cast<double>(job.use * resources_.block_tokens.count()) / 1024.0;
    const Seconds limit =
        config_.load_timeout_base + kilotokens * config_.load_timeout_per_kilotoken;
    const Instant due = job.planned + to_nanoseconds(limit);
    if (now_ < due) {
      if (!job.timer_set) set_timer(due);
      job.timer_set = true;
      return false;
    }
  }
  job.gave_up = true;  // asks for nothing more; what is posted still lands and is used
  update_queues(job);
  if (job.fetching > 0) {
    cut_own(job, active_fetches_, CommandKind::cut_fetch);
    return false;
  }
  truncate(job, std::max(job.landed, job.gpu));
  update_queues(job);
  return true;
}

Instance::Start Instance::try_start(Job& job) {
  if (job.cancelled) return Start::set_aside;
  const bool in_step = config_.network_start == NetworkStart::in_step;
  const bool at_batch = config_.pcie_start == PcieStart::at_batch;
  const std::int64_t all = prefill_blocks(job);

  if (config_.network_start == NetworkStart::at_admission && !job.network_enabled) {
    if (!job.resident || job.use > 0) {
      if (!commit(job, load_blocks(job), all - load_blocks(job))) return Start::no_space;
      enable_loads(job);
    }
    job.resident = job.resident && job.gpu >= job.use;
    update_queues(job);
  }
  if (at_batch && !in_step) {
    if (!job.network_enabled && !job.resident) return Start::set_aside;
    if (!job.resident && !network_over(job)) return Start::set_aside;
  }
  if (!in_step && !at_batch && !job.resident && !loads_over(job) &&
      !(job.use == 0 || job.gpu >= job.use)) {
    return Start::set_aside;
  }
  if (!commit(job, all, 0)) {
    if (config_.no_space != NoSpace::recompute || job.use == job.gpu) return Start::no_space;
    truncate(job, job.gpu);
    if (!commit(job, all, 0)) return Start::no_space;
  }
  if (job.resident && job.gpu < job.use) {  // evicted since it was looked at: load it after all
    job.resident = false;
    if (!in_step && !job.network_enabled) enable_loads(job);
    if (!in_step && !at_batch) {
      update_queues(job);
      again_ = true;
      return Start::set_aside;
    }
  }
  if (!in_step && !at_batch && !loads_over(job)) {
    update_queues(job);
    return Start::set_aside;
  }
  waiting_.erase(waiting_.iterator_to(job));
  job.phase = Phase::member;
  if (at_batch || in_step) job.pcie_enabled = true;
  if (in_step && config_.coupling == Coupling::decoupled) enable_loads(job);
  if (in_step && job.gpu >= job.use) note_progress(job);
  update_queues(job);
  return Start::started;
}

void Instance::add_part(Job& job, std::int64_t& budget) {
  if (budget <= 0) return;
  const Tokens cached{std::int64_t{job.use} * resources_.block_tokens.count()};
  const Tokens done = job.phase == Phase::prefilling ? job.computed : cached;
  const std::int64_t share = std::min({(job.target - done).count(), budget, config_.chunk_tokens});
  job.part = Tokens{share};
  job.computed = done;
  budget -= share;
  members_.push_back(job.slot);
}

bool Instance::members_loaded() {
  bool loaded = true;
  for (const std::uint32_t slot : members_) {
    Job& job = jobs_[slot];
    if (job.phase != Phase::member || loads_over(job)) continue;
    loaded = false;
    if (config_.coupling == Coupling::serial && !job.network_enabled) {
      enable_loads(job);
      update_queues(job);
      dispatch_network();
      dispatch_pcie();
      if (loads_over(job)) {
        loaded = true;
        continue;
      }
    }
    if (config_.coupling == Coupling::serial) return false;
  }
  if (config_.step_waits_for == StepWaitsFor::all_loads) {
    loaded = loaded && active_fetches_.empty() && active_copies_.empty();
  }
  return loaded;
}

/// The request's first step: what it uses is there, what it computes gets its slots.
void Instance::start_prefill(Job& job) {
  release_host(job);
  if (job.gpu == job.use) {  // others may have left more of its prefix while it waited
    const std::int32_t more = resident_end(gpu_, *job.spec, job.use, usable_blocks(job));
    if (more > job.use) {
      job.use = more;
      extend_gpu(job);
    }
  }
  const std::int64_t held = job.gpu + job.copying_blocks + job.anonymous;
  const std::int64_t slots = prefill_blocks(job) - held;
  if (slots > 0) {
    gpu_.take(slots);
    job.anonymous += slots;
  }
  recommit(job);
  job.computed = Tokens{std::int64_t{job.use} * resources_.block_tokens.count()};
  if (job.counted_prefetch) --prefetching_;
  job.counted_prefetch = false;
  if (job.times.prefill_start == never) {
    job.cached = job.computed;
    RequestTimes& times = job.times;
    if (times.load_start == never) {
      times.load_start = times.network_done = times.loaded = times.lookup_done;
    }
    times.network_done = std::clamp(times.network_done, times.load_start, now_);
    times.loaded = std::clamp(times.loaded, times.network_done, now_);
    times.prefill_start = now_;
  }
  job.phase = Phase::prefilling;
  prefilling_.push_back(job.slot);
}

/// GPU slots that the decoding requests need beyond what they hold to decode `iterations` more.
std::int64_t Instance::growth(std::int64_t iterations) const {
  std::int64_t slots = 0;
  for (const std::uint32_t slot : decoding_) {
    const Job& job = jobs_[slot];
    const std::int64_t held = job.gpu + job.anonymous;
    slots += std::max<std::int64_t>(0, blocks_for(job.computed + Tokens{iterations}) - held);
  }
  return slots;
}

/// Running requests come before waiting ones: what the next iteration takes is not for loads.
void Instance::hold_growth() {
  committed_ -= step_growth_;
  step_growth_ = std::min(growth(1), std::max<std::int64_t>(uncommitted(), 0));
  committed_ += step_growth_;
}

/// Shortens a leap to the memory there is; preempts if there is none for a single iteration.
/// False: the decoding requests must sit this step out.
bool Instance::fit_decodes(std::int64_t& iterations) {
  while (!decoding_.empty()) {
    const std::int64_t room = uncommitted();
    if (growth(iterations) <= room) return true;
    if (growth(1) <= room) {
      std::int64_t fits = 1, fails = iterations;
      while (fails - fits > 1) {
        const std::int64_t middle = fits + (fails - fits) / 2;
        (growth(middle) <= room ? fits : fails) = middle;
      }
      iterations = fits;
      return true;
    }
    if (config_.preempt == Preempt::none || decoding_.size() + prefilling_.size() < 2) return false;
    // The newest running request gives way and is computed again later.
    const bool from_prefilling = !prefilling_.empty();
    preempt(jobs_[from_prefilling ? prefilling_.back() : decoding_.back()]);
  }
  return false;
}

void Instance::launch() {
  for (const std::uint32_t slot : members_) {
    Job& job = jobs_[slot];
    if (job.phase != Phase::member) continue;
    const Tokens planned = job.computed;
    start_prefill(job);
    if (job.computed != planned) {  // less could be loaded than the batch was formed for
      job.part = Tokens{std::min(
          {(job.target - job.computed).count(), config_.chunk_tokens, config_.token_budget})};
    }
  }
  std::int64_t iterations = members_.empty() ? config_.max_leap : 1;
  for (const std::uint32_t slot : decoding_) {
    iterations = std::min(iterations, jobs_[slot].spec->output.count() - jobs_[slot].generated);
  }
  committed_ -= step_growth_;
  step_growth_ = 0;
  step_decodes_ = fit_decodes(iterations);
  if (!step_decodes_ && members_.empty()) {
    step_phase_ = StepPhase::idle;
    return;
  }
  if (!members_.empty()) iterations = 1;
  step_growth_ = step_decodes_ ? growth(iterations) : 0;
  committed_ += step_growth_;

  Command& step = command(CommandKind::run_step);
  step.run = step_id_ = RunId{next_serial_++};
  step.iterations = step_iterations_ = iterations;
  step.gate = config_.step_waits_for == StepWaitsFor::layers ? Gate::layers : Gate::copies;
  step.first_part = static_cast<std::int32_t>(out_->parts.size());
  step.parts = static_cast<std::int32_t>(members_.size());
  for (const std::uint32_t slot : members_) {
    const Job& job = jobs_[slot];
    out_->parts.push_back({job.spec->id, {job.part, job.computed}});
  }
  step.first_decode = static_cast<std::int32_t>(out_->decodes.size());
  if (step_decodes_) {
    step.decodes = static_cast<std::int32_t>(decoding_.size());
    for (const std::uint32_t slot : decoding_) {
      out_->decodes.push_back(jobs_[slot].spec->id);
      step.decode_context += jobs_[slot].computed;
    }
  }
  step_phase_ = StepPhase::running;
  step_cut_ = false;
  ++counters_.steps;
}

void Instance::stepped(const Event& event) {
  CALVO_EXPECT(step_phase_ == StepPhase::running && event.run == step_id_);
  CALVO_EXPECT(event.iterations >= 1 && event.iterations <= step_iterations_);
  step_phase_ = StepPhase::idle;
  counters_.iterations += event.iterations;
  committed_ -= step_growth_;
  step_growth_ = 0;

  due_decodes_.clear();
  if (step_decodes_) due_decodes_.assign(decoding_.begin(), decoding_.end());
  decoding_.erase(decoding_.begin(), step_decodes_ ? decoding_.end() : decoding_.begin());
  for (const std::uint32_t slot : due_decodes_) {
    Job& job = jobs_[slot];
    job.computed += Tokens{event.iterations};
    job.generated += event.iterations;
    const std::int64_t slots = blocks_for(job.computed) - job.gpu - job.anonymous;
    if (slots > 0) {
      gpu_.take(slots);
      job.anonymous += slots;
    }
    if (job.generated >= job.spec->output.count()) {
      finish(job);
    } else {
      decoding_.push_back(slot);
    }
  }
  step_decodes_ = false;
  due_members_.swap(members_);
  members_.clear();
  for (const std::uint32_t slot : due_members_) {
    Job& job = jobs_[slot];
    job.computed += job.part;
    if (job.computed < job.target) continue;
    std::erase(prefilling_, slot);
    count_outstanding(job, {});
    extend_gpu(job);  // copies that a layer-wise step overlapped
    const std::int32_t from = job.gpu;
    name_blocks(job,
                static_cast<std::int32_t>(job.target.count() / resources_.block_tokens.count()));
    write_back(*job.spec, std::max(from, job.remote_to), job.gpu);
    ++job.generated;
    if (job.times.first_token == never) job.times.first_token = now_;
    if (!config_.decode || job.generated >= job.spec->output.count()) {
      finish(job);
    } else {
      job.phase = Phase::decoding;
      decoding_.push_back(slot);
    }
  }
  due_members_.clear();
  due_decodes_.assign(decoding_.begin(), decoding_.end());
  due_decodes_.insert(due_decodes_.end(), prefilling_.begin(), prefilling_.end());
  for (const std::uint32_t slot : due_decodes_) settle_cancelled(jobs_[slot]);
}

/// Preemption by recompute: its memory goes, its tokens stay; it waits like a new request whose
/// prompt is all it has so far.
void Instance::preempt(Job& job) {
  std::erase(decoding_, job.slot);
  std::erase(prefilling_, job.slot);
  std::erase(members_, job.slot);
  ++counters_.preemptions;
  ++job.preemptions;
  command(CommandKind::preempt).request = job.spec->id;
  release_gpu(job);
  job.computed = Tokens{0};
  job.target = job.spec->input + Tokens{job.generated};
  job.network_enabled = job.pcie_enabled = false;
  job.failures.clear();
  plan(job);
}

}  // namespace calvo::control
