// What both loading stages share: progress, plans that shrink, jobs that wait for a run, cuts.
#include <algorithm>

#include "control/instance.hpp"

namespace calvo::control {

void Instance::enable_loads(Job& job) {
  job.network_enabled = true;
  if (config_.pcie_start == PcieStart::on_landing) job.pcie_enabled = true;
  if (config_.network_start != NetworkStart::on_arrival) count_prefetch(job);
  extend_host(job);
}

void Instance::count_prefetch(Job& job) {
  if (!job.counted_prefetch) ++prefetching_;
  job.counted_prefetch = true;
}

/// Dates of the stages, as soon as they are known.
void Instance::note_progress(Job& job) {
  watch_deadline(job);
  if (counts_outstanding_) {
    Demand left = job.outstanding;
    if (job.landed >= job.use || job.gpu >= job.use) left.network = Nanoseconds{0};
    if (job.gpu >= job.use) left.copy = Nanoseconds{0};
    count_outstanding(job, left);
  }
  if (job.times.first_token != never) return;
  if (job.landed >= job.use && job.times.network_done == never) job.times.network_done = now_;
  if (job.gpu >= job.use && job.times.loaded == never) job.times.loaded = now_;
}

bool Instance::loads_over(const Job& job) const {
  if (config_.step_waits_for == StepWaitsFor::layers && job.wanted > 0) {
    // The step may run while the last copies do, as long as nothing can take them away from it.
    if (job.landed < job.use || job.joined_copies > 0) return false;
    std::int32_t coming = 0;
    for (const std::uint32_t slot : active_copies_) {
      const Run& run = runs_[slot];
      if (run.job != job.slot || run.job_sequence != job.sequence) continue;
      if (run.cutting || run.following || run.to > job.use) return false;
      coming += run.source_to - run.from;  // its fetch may have brought less than it asked for
    }
    return job.gpu + coming == job.use;
  }
  return job.gpu >= job.use && job.copying == 0 && job.wanted > 0;
}

/// Less is to be used than was planned: the rest of the prompt is computed.
void Instance::truncate(Job& job, std::int32_t use) {
  use = std::max(use, job.gpu);
  if (use >= job.use) return;
  counters_.recomputed_blocks += job.use - use;
  job.use = use;
  now_loaded_ = true;
  if (use == 0) job.resident = true;
  const std::int32_t kept = std::max(use, job.host_low);
  if (job.landed > kept) {
    unpin_range(host_, *job.spec, kept, job.landed);
    job.landed = kept;
  }
  job.host_low = std::min(job.host_low, job.landed);
  job.net_issued = std::min(job.net_issued, std::max(use, job.landed));
  job.gpu_issued = std::min(job.gpu_issued, std::max(use, job.gpu));
  note_progress(job);
}

/// The job waits for somebody else's transfer of blocks that it needs.
/// Returns false if it does already.
bool Instance::join(std::uint32_t slot, Job& job, Flow flow) {
  Run& run = runs_[slot];
  for (const Waiter& waiter : run.waiters) {
    if (waiter.slot == job.slot && waiter.sequence == job.sequence) return false;
  }
  run.waiters.push_back({job.slot, job.sequence});
  run.key = std::min(run.key, flow == Flow::fetch ? job.network_key : job.pcie_key);
  ++(flow == Flow::fetch ? job.joined_fetches : job.joined_copies);
  if (job.times.load_start == never) job.times.load_start = now_;
  return true;
}

void Instance::wake(Run& run) {
  for (const Waiter& waiter : run.waiters) {
    Job& job = jobs_[waiter.slot];
    if (job.sequence != waiter.sequence || job.phase == Phase::free) continue;
    --(run.flow == Flow::copy_in ? job.joined_copies : job.joined_fetches);
    extend_host(job);
    extend_gpu(job);
    update_queues(job);
  }
  run.waiters.clear();
}

/// Runs of the job that serve nobody else stop at their next block.
void Instance::cut_own(const Job& job, const std::vector<std::uint32_t>& active, CommandKind kind) {
  for (const std::uint32_t slot : active) {
    Run& run = runs_[slot];
    if (run.job != job.slot || run.job_sequence != job.sequence) continue;
    if (run.cutting || !run.waiters.empty()) continue;
    run.cutting = true;
    command(kind).run = run_id(slot);
  }
}

/// A better request than one of those in flight waits: the worst stops at its next block.
void Instance::cut_for(double key, const std::vector<std::uint32_t>& active, CommandKind kind) {
  if (config_.cut == Cut::never) return;
  std::uint32_t worst = none;
  for (const std::uint32_t slot : active) {
    if (runs_[slot].cutting) return;      // room is being made already
    if (runs_[slot].following) continue;  // takes no credit
    const Job& job = jobs_[runs_[slot].job];
    if (job.sequence == runs_[slot].job_sequence && job.phase == Phase::prefilling) {
      continue;  // a step by layers reads what it copies
    }
    if (runs_[slot].key > key && (worst == none || runs_[slot].key > runs_[worst].key)) {
      worst = slot;
    }
  }
  if (worst == none) return;
  runs_[worst].cutting = true;
  command(kind).run = run_id(worst);
}

}  // namespace calvo::control
