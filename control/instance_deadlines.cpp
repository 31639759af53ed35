// Requests that can no longer meet their deadline, by the estimates of their plan.
#include <algorithm>
#include <limits>

#include "control/instance.hpp"

namespace calvo::control {

/// From when on it will be late, as it has just been planned.
void Instance::plan_deadline(Job& job, const policies::RequestView& view) {
  job.late = false;
  if (view.deadline == never) return;
  job.late_ready_at = view.deadline - to_nanoseconds(view.compute);
  job.late_at = job.late_ready_at - to_nanoseconds(view.load / config_.late_factor);
}

/// From when on a waiting request can no longer meet its deadline, as it stands: judged before its
/// load begins and once it is over, as only then the estimates of its plan say what is left.
Instant Instance::late_from(const Job& job) const {
  if (job.gpu >= job.use) return job.late_ready_at;
  return job.times.load_start == never ? job.late_at : never;
}

bool Instance::is_late(const Job& job) const {
  return (job.phase == Phase::waiting || job.phase == Phase::member) && now_ >= late_from(job);
}

/// Keeps its place among those that will be late. To be called whenever the date can have come
/// nearer; where it has moved away, put_late_last() finds out.
void Instance::watch_deadline(Job& job) {
  if (config_.late != Late::last) return;
  const Instant at = job.phase == Phase::waiting && !job.late ? late_from(job) : never;
  if (at == job.judged_at) return;
  if (job.judged_at != never) deadlines_.erase(deadlines_.iterator_to(job));
  job.judged_at = at;
  if (at != never) deadlines_.insert(job);
}

/// Requests that have become late go behind all others, by arrival among themselves.
/// Cost: O(1) if nobody has.
void Instance::put_late_last() {
  now_late_.clear();
  while (!deadlines_.empty() && deadlines_.begin()->judged_at <= now_) {
    Job& job = *deadlines_.begin();
    watch_deadline(job);
    if (job.judged_at > now_) continue;
    deadlines_.erase(deadlines_.iterator_to(job));
    job.judged_at = never;
    now_late_.push_back(job.slot);
  }
  std::ranges::sort(now_late_);
  constexpr double last = std::numeric_limits<double>::max();
  for (const std::uint32_t slot : now_late_) {
    Job& job = jobs_[slot];
    job.late = true;
    const auto unlink = [&job](auto& queue, auto& hook) {
      if (hook.is_linked()) queue.erase(queue.iterator_to(job));
    };
    unlink(network_queue_, static_cast<Hook<NetTag>&>(job));
    unlink(pcie_queue_, static_cast<Hook<PcieTag>&>(job));
    unlink(waiting_, static_cast<Hook<WaitTag>&>(job));
    job.network_key = job.pcie_key = job.prefill_key = last;
    if (job.gpu < job.use && job.wanted > 0) {
      park(job);  // memory that it was promised is for those before it
    } else {
      update_queues(job);
    }
  }
}

}  // namespace calvo::control
