// What each request waits for, from the books as they are between two batches.
#include <algorithm>

#include "control/instance.hpp"

namespace calvo::control {

/// Whether GPU memory could be promised for `slots` in all, as commit() would.
bool Instance::has_room(const Job& job, std::int64_t slots) const {
  if (job.wanted >= slots) return true;
  std::int64_t room = uncommitted() + job.committed;
  if (config_.load_admission == LoadAdmission::free_minus_reserved) room -= owed_ - job.owed;
  const std::int32_t resident = resident_end(gpu_, *job.spec, job.gpu, job.use);
  const std::int64_t pinned = resident - job.gpu;  // may be part of the room, and would not be
  return slots - (resident + job.copying_blocks + job.anonymous) <= room - pinned;
}

RequestId Instance::owner_joined(const Job& job, Flow flow) const {
  const std::vector<std::uint32_t>& active = flow == Flow::fetch ? active_fetches_ : active_copies_;
  for (const std::uint32_t slot : active) {
    for (const Waiter& waiter : runs_[slot].waiters) {
      if (waiter.slot == job.slot && waiter.sequence == job.sequence) return runs_[slot].spec->id;
    }
  }
  return job.spec->id;
}

Wait Instance::network_wait(const Job& job) const {
  const RequestId self = job.spec->id;
  if (job.fetching > 0) return {self, Waiting::network, self};
  if (job.joined_fetches > 0) return {self, Waiting::network, owner_joined(job, Flow::fetch)};
  if (!job.network_enabled) {
    const bool memory =
        config_.network_start == NetworkStart::at_admission && !has_room(job, load_blocks(job));
    return {self, memory ? Waiting::gpu_memory : Waiting::load_start, self};
  }
  if (!static_cast<const Hook<NetTag>&>(job).is_linked()) return {self, Waiting::unknown, self};
  if (static_cast<std::int64_t>(active_fetches_.size()) >= config_.network_window.operations) {
    return {self, Waiting::network_window, self};
  }
  if (config_.prefetch_requests > 0 && prefetching_ >= config_.prefetch_requests &&
      !job.counted_prefetch) {
    return {self, Waiting::prefetch_bound, self};
  }
  const bool full = host_.available() - host_reserve_ <= 0;
  return {self, full ? Waiting::host_memory : Waiting::unknown, self};
}

Wait Instance::pcie_wait(const Job& job) const {
  const RequestId self = job.spec->id;
  if (job.copying > 0) return {self, Waiting::pcie, self};
  if (job.joined_copies > 0) return {self, Waiting::pcie, owner_joined(job, Flow::copy_in)};
  if (!job.pcie_enabled) {
    const bool memory = !has_room(job, prefill_blocks(job));
    return {self, memory ? Waiting::gpu_memory : Waiting::copy_start, self};
  }
  if (job.wanted == 0) return {self, Waiting::gpu_memory, self};
  const bool full = copies_ahead_ >= config_.pcie_window.operations;
  return {self, full ? Waiting::pcie_window : Waiting::unknown, self};
}

Wait Instance::wait_of(const Job& job) const {
  const RequestId self = job.spec->id;
  const bool part = std::find(members_.begin(), members_.end(), job.slot) != members_.end();
  switch (job.phase) {
    case Phase::looking_up:
      return {self, Waiting::lookup, self};
    case Phase::decoding:
      return {self, Waiting::decode, self};
    case Phase::prefilling:
      if (!part) return {self, Waiting::step, self};
      return {self, step_phase_ == StepPhase::running ? Waiting::compute : Waiting::step_loads,
              self};
    case Phase::free:
      return {self, Waiting::unknown, self};
    case Phase::waiting:
    case Phase::member:
      break;
  }
  if (!job.resident && !loads_over(job)) {
    if (job.landed < job.use && job.gpu < job.use) return network_wait(job);
    if (job.gpu < job.use || job.copying > 0) return pcie_wait(job);
  }
  if (part) return {self, Waiting::step_loads, self};
  return {self, has_room(job, prefill_blocks(job)) ? Waiting::step : Waiting::gpu_memory, self};
}

void Instance::waits(std::vector<Wait>& out) const {
  // Where the first that finds no memory keeps those behind it from taking any.
  const Job* first_without = nullptr;
  if (config_.no_space == NoSpace::break_) {
    for (const Job& job : waiting_) {
      if (has_room(job, prefill_blocks(job))) continue;
      first_without = &job;
      break;
    }
  }
  for (const Job& job : jobs_) {
    if (job.phase == Phase::free) continue;
    Wait wait = wait_of(job);
    if (wait.why == Waiting::step && first_without != nullptr && job.phase == Phase::waiting &&
        job.wanted < prefill_blocks(job) && By<&Job::prefill_key>{}(*first_without, job)) {
      wait.why = Waiting::gpu_memory;
    }
    out.push_back(wait);
  }
}

}  // namespace calvo::control
