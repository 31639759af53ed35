// The PCIe stage: host memory to the GPU.
#include <algorithm>

#include "control/instance.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {

std::uint32_t Instance::fetch_covering(const Job& job, std::int32_t position) const {
  for (const std::uint32_t slot : active_fetches_) {
    const Run& run = runs_[slot];
    if (run.job == job.slot && run.job_sequence == job.sequence && run.from <= position &&
        position < run.to && run.follower == 0 && !run.cutting) {
      return slot;
    }
  }
  return none;
}

bool Instance::pcie_has_source(const Job& job) const {
  if (job.gpu_issued >= job.use || job.cancelled) return false;
  if (job.gpu_issued < job.landed) {
    // A copy inside a step follows the whole load, unless host memory cannot hold it all at once.
    return config_.pcie_start != PcieStart::in_step || job.landed >= job.use ||
           (job.fetching == 0 && host_.available() <= host_reserve_);
  }
  return job.fetching > 0 && config_.pcie_start == PcieStart::on_landing &&
         fetch_covering(job, job.gpu_issued) != none;
}

void Instance::dispatch_pcie() {
  bool full = false;  // a request better than those that follow waits for memory
  for (auto next = pcie_queue_.begin(); next != pcie_queue_.end();) {
    Job& job = *next;
    const auto after = std::next(next);
    if (full && ready_copies_ == 0) return;
    if ((full && job.wanted == 0) || gives_way(job)) {
      next = after;
      continue;
    }
    const Issue issue = issue_copy(job);
    if (issue == Issue::no_credit) {
      cut_for(job.pcie_key, active_copies_, CommandKind::cut_copy);
      return;
    }
    if (issue == Issue::no_space && config_.no_space == NoSpace::break_) full = true;
    if (issue == Issue::no_space && config_.no_space == NoSpace::recompute) truncate(job, job.gpu);
    update_queues(job);
    if (issue != Issue::issued || !static_cast<Hook<PcieTag>&>(job).is_linked()) next = after;
  }
}

Instance::Issue Instance::issue_copy(Job& job) {
  const RequestSpec& spec = *job.spec;
  if (job.wanted == 0 && !commit(job, load_blocks(job), prefill_blocks(job) - load_blocks(job))) {
    return Issue::no_space;
  }
  extend_gpu(job);
  // Walk over what is in GPU memory, or on its way there.
  std::int32_t first = job.use;
  for_pieces(spec, job.gpu_issued, job.use, [&](BlockRun piece, std::int32_t at) {
    while (piece.count > 0) {
      const KvBook::Piece state = gpu_.look(piece);
      if (state.state == KvBook::State::absent) {
        first = at;
        return false;
      }
      if (state.state == KvBook::State::loading &&
          runs_[state.owner].job_sequence != job.sequence) {
        join(state.owner, job, Flow::copy_in);
      }
      at += state.count;
      piece = behind(piece, state.count);
    }
    return true;
  });
  job.gpu_issued = std::max(job.gpu_issued, first);
  extend_gpu(job);
  if (!pcie_has_source(job)) return Issue::nothing;
  const std::uint32_t fetch =
      job.gpu_issued < job.landed ? none : fetch_covering(job, job.gpu_issued);
  if (fetch == none && copies_ahead_ >= config_.pcie_window.operations) return Issue::no_credit;

  const std::uint32_t slot = new_run(Flow::copy_in);
  first = job.gpu_issued;
  const std::int32_t limit =
      fetch == none ? static_cast<std::int32_t>(std::min<std::int64_t>(
                          job.landed, first + std::min<std::int64_t>(config_.run_blocks, job.use)))
                    : std::min(runs_[fetch].to, job.use);
  std::int32_t to = first;
  for_pieces(spec, first, limit, [&](BlockRun piece, std::int32_t) {
    const KvBook::Piece state = gpu_.look(piece);
    if (state.state != KvBook::State::absent) return false;
    gpu_.reserve({piece.first, state.count}, slot);
    to += state.count;
    return state.count == piece.count;
  });
  CALVO_ENSURE(to > first);
  Run& run = runs_[slot];
  run.job = job.slot;
  run.job_sequence = job.sequence;
  run.spec = &spec;
  run.from = first;
  run.to = to;
  run.key = job.pcie_key;
  if (fetch == none) {
    pin_range(host_, spec, first, to);
    run.source_to = to;
    ++copies_ahead_;
  } else {
    run.following = true;
    runs_[fetch].follower = slot + 1;
  }
  active_copies_.push_back(slot);
  ++job.copying;
  job.copying_blocks += to - first;
  job.gpu_issued = to;
  recommit(job);
  if (job.times.load_start == never) job.times.load_start = now_;
  Command& copy = command(CommandKind::copy_in);
  copy.run = run_id(slot);
  copy.request = spec.id;
  copy.from = first;
  copy.to = to;
  if (fetch != none) copy.after = run_id(fetch);
  copy.layer_major = config_.step_waits_for == StepWaitsFor::layers;
  return Issue::issued;
}

void Instance::copied(const Event& event) {
  Run& run = run_of(event.run);
  const std::uint32_t slot = slot_of(event.run);
  const RequestSpec& spec = *run.spec;
  const std::int32_t end = run.from + event.blocks;
  CALVO_EXPECT(run.flow == Flow::copy_in && run.from <= end && end <= run.to);
  std::erase(active_copies_, slot);
  if (run.following) {  // cut before its fetch has said what landed
    CALVO_EXPECT(event.blocks == 0);
    for (const std::uint32_t fetch : active_fetches_) {
      if (runs_[fetch].follower == slot + 1) runs_[fetch].follower = 0;
    }
  } else {
    --copies_ahead_;
  }
  counters_.copied_blocks += event.blocks;
  for_pieces(spec, run.from, end, [&](BlockRun piece, std::int32_t) {
    gpu_.fill(piece);
    return true;
  });
  for_pieces(spec, end, run.to, [&](BlockRun piece, std::int32_t) {
    gpu_.drop(piece);
    return true;
  });
  if (end > run.from) unpin_range(gpu_, spec, run.from, end);  // the job pins what it needs below
  if (run.source_to > run.from) unpin_range(host_, spec, run.from, run.source_to);

  Job& job = jobs_[run.job];
  if (job.sequence == run.job_sequence && job.phase != Phase::free) {
    --job.copying;
    job.copying_blocks -= run.to - run.from;
    recommit(job);
    if (end < run.to) job.gpu_issued = std::min(job.gpu_issued, std::max(end, job.gpu));
    extend_gpu(job);
    update_queues(job);
  }
  wake(run);
  free_run(slot);
  if (job.sequence == run.job_sequence) settle_cancelled(job);
  if (walks_) reform_ = true;
}

}  // namespace calvo::control
