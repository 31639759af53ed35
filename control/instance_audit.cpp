// The account of an instance, from scratch: what tests hold the books to.
#include <algorithm>
#include <set>

#include "control/instance.hpp"
#include "core/block_pieces.hpp"

namespace calvo::control {

std::string Instance::audit() const {
  std::int64_t committed = step_growth_;
  std::int64_t owed = 0, anonymous = 0, prefetching = 0, live = 0, ready = 0;
  std::int64_t draining = 0, quarantined = 0;
  Demand outstanding;
  std::set<std::uint64_t> in_gpu, in_host;
  const auto name = [](std::set<std::uint64_t>& ids, BlockRun run) {
    for (std::int32_t i = 0; i < run.count; ++i) ids.insert(raw(block_of(run, i)));
  };
  const auto positions = [&](std::set<std::uint64_t>& ids, const RequestSpec& spec,
                             std::int32_t from, std::int32_t to) {
    for_pieces(spec, from, to, [&](BlockRun run, std::int32_t) {
      name(ids, run);
      return true;
    });
  };
  for (const Job& job : jobs_) {
    if (job.phase == Phase::free) continue;
    const std::string who = "request " + std::to_string(raw(job.spec->id)) + ": ";
    ++live;
    committed += job.committed;
    owed += job.owed;
    anonymous += job.anonymous;
    outstanding.network += job.outstanding.network;
    outstanding.copy += job.outstanding.copy;
    outstanding.compute += job.outstanding.compute;
    prefetching += job.counted_prefetch ? 1 : 0;
    ready += job.wanted > 0 && static_cast<const Hook<PcieTag>&>(job).is_linked() ? 1 : 0;
    positions(in_gpu, *job.spec, 0, job.gpu);
    positions(in_host, *job.spec, job.host_low, job.landed);
    if (job.fetching < 0 || job.copying < 0 || job.joined_fetches < 0 || job.joined_copies < 0) {
      return who + "more transfers ended than began";
    }
    const bool loads = job.phase == Phase::waiting || job.phase == Phase::member;
    if (loads && !(job.gpu <= job.gpu_issued && job.host_low <= job.landed)) {
      return who + "cursors out of order";
    }
    if (config_.late == Late::last && job.phase == Phase::waiting && !job.late &&
        late_from(job) < job.judged_at) {
      return who + "will be late before anybody looks";
    }
    if (job.phase == Phase::prefilling && job.copying == 0 && job.gpu < job.use) {
      return who + "computes over blocks that are not in GPU memory";
    }
    const std::int64_t taken = job.gpu + job.copying_blocks + job.anonymous;
    if (job.committed != std::max<std::int64_t>(0, job.wanted - taken)) {
      return who + "promised slots do not add up";
    }
  }
  for (const Run& run : runs_) {
    const bool staged = config_.write == Write::on_evict;
    switch (run.flow) {
      case Flow::none:
        break;
      case Flow::fetch:
        positions(in_host, *run.spec, run.from, run.to);
        break;
      case Flow::copy_in:
        positions(in_gpu, *run.spec, run.from, run.to);
        if (!run.following) positions(in_host, *run.spec, run.from, run.source_to);
        break;
      case Flow::copy_out:
        if (!staged) name(in_gpu, run.blocks);
        name(in_host, run.blocks);
        break;
      case Flow::store:
        if (!staged) name(in_host, run.blocks);
        break;
      case Flow::quarantine:
        ++draining;
        quarantined += run.to - run.from;
        break;
    }
  }
  const auto count = [](const auto& ids) { return static_cast<std::int64_t>(ids.size()); };
  if (committed != committed_) return "promised GPU slots do not add up";
  if (owed != owed_) return "owed GPU slots do not add up";
  if (outstanding.network != outstanding_.network || outstanding.copy != outstanding_.copy ||
      outstanding.compute != outstanding_.compute) {
    return "outstanding work does not add up";
  }
  if (prefetching != prefetching_) return "requests being prefetched do not add up";
  if (ready != ready_copies_) return "copies that have their memory do not add up";
  if (live != unfinished_) return "unfinished requests do not add up";
  if (gpu_.used() - gpu_.evictable() != count(in_gpu) + anonymous) {
    return "GPU slots in use: " + std::to_string(gpu_.used() - gpu_.evictable()) +
           ", needed by somebody: " + std::to_string(count(in_gpu) + anonymous);
  }
  if (draining != draining_ || quarantined != quarantined_) {
    return "quarantined host slots do not add up";
  }
  if (host_.used() - host_.evictable() != count(in_host) + quarantined) {
    return "host slots in use: " + std::to_string(host_.used() - host_.evictable()) +
           ", needed by somebody: " + std::to_string(count(in_host)) +
           ", quarantined: " + std::to_string(quarantined);
  }
  if (uncommitted() < 0) return "more GPU slots promised than there are";
  return {};
}

std::string Instance::idle_problem() const {
  if (gpu_.used() != gpu_.evictable()) return "GPU slots are still in use";
  if (draining_ != 0) return "transfers that timed out have not drained";
  if (host_.used() != host_.evictable()) return "host slots are still in use";
  if (committed_ != 0 || owed_ != 0) return "GPU slots are still promised";
  if (!active_fetches_.empty() || !active_copies_.empty() || writes_in_flight_ != 0 ||
      lookups_in_flight_ != 0) {
    return "transfers are still in flight";
  }
  if (!writes_.empty()) return "writes are still due";
  if (!deferred_.empty()) return "completions have not been seen";
  if (step_phase_ != StepPhase::idle) return "a step is still under way";
  return {};
}

}  // namespace calvo::control
