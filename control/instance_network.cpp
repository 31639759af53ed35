// The network stage: remote pool to host memory.
#include <algorithm>
#include <limits>

#include "control/instance.hpp"
#include "control/storage_placement.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {

/// The key of the last in order among the waiting requests that have begun to load.
double Instance::worst_prefetching() const {
  double worst = -std::numeric_limits<double>::infinity();
  for (const Job& job : jobs_) {
    if (job.counted_prefetch) worst = std::max(worst, job.network_key);
  }
  return worst;
}

void Instance::dispatch_network() {
  if (config_.prefetch_requests > 0 && prefetching_ >= config_.prefetch_requests &&
      !network_queue_.empty()) {
    worst_prefetching_ = worst_prefetching();
  }
  for (auto next = network_queue_.begin(); next != network_queue_.end();) {
    Job& job = *next;
    const auto after = std::next(next);
    if (gives_way(job)) {
      next = after;
      continue;
    }
    const Issue issue = issue_fetch(job);
    if (issue == Issue::no_credit) {
      cut_for(job.network_key, active_fetches_, CommandKind::cut_fetch);
      update_queues(job);  // it may have found blocks that are here
      return;
    }
    if (issue == Issue::no_space && config_.no_space == NoSpace::recompute) {
      truncate(job, std::max(job.landed, job.gpu));
    }
    if (issue != Issue::issued) update_queues(job);
    if (issue == Issue::no_space && config_.no_space == NoSpace::break_) return;
    if (issue != Issue::issued || !static_cast<Hook<NetTag>&>(job).is_linked()) next = after;
  }
}

Instance::Issue Instance::issue_fetch(Job& job) {
  const RequestSpec& spec = *job.spec;
  if (config_.prefetch_requests > 0 && !job.counted_prefetch &&
      prefetching_ >= config_.prefetch_requests && job.phase == Phase::waiting &&
      only_ != job.slot && job.network_key >= worst_prefetching_) {
    return Issue::nothing;  // as many requests as may have begun to load have, and none is worse
  }
  if (config_.late == Late::recompute && is_late(job)) {
    truncate(job, std::max(job.landed, job.gpu));
    reform_ = true;  // a step may take it now
    return Issue::nothing;
  }
  count_prefetch(job);
  if (config_.gpu_memory == GpuMemory::at_network_issue && job.wanted == 0) {
    commit(job, prefill_blocks(job), 0);  // CALVO: proactive; if there is none, at the copy
  }
  extend_host(job);
  if (config_.pcie_start == PcieStart::at_batch) {  // some of it lay in GPU memory when planned
    const std::int64_t most = job.host_low + host_.capacity() - host_reserve_;
    truncate(job, static_cast<std::int32_t>(std::min<std::int64_t>(job.use, most)));
  }
  // Walk over what needs no fetch: blocks that are here, or that somebody is fetching.
  std::int32_t first = job.use;
  for_pieces(
      spec, std::max(job.net_issued, job.gpu), job.use, [&](BlockRun piece, std::int32_t at) {
        while (piece.count > 0) {
          KvBook::Piece state = host_.look(piece);
          if (state.state == KvBook::State::absent && job.wanted == 0) {
            const KvBook::Piece in_gpu = gpu_.look(piece);
            if (in_gpu.state == KvBook::State::resident) {  // pinned when GPU memory is promised
              state.count = std::min(state.count, in_gpu.count);
              if (job.landed == at) {
                if (job.landed > job.host_low) unpin_range(host_, spec, job.host_low, job.landed);
                job.host_low = job.landed = at + state.count;
                now_loaded_ = now_loaded_ || job.landed >= job.use;
              }
              state.state = KvBook::State::resident;
            } else {
              state.count = std::min(state.count, in_gpu.count);
            }
          }
          if (state.state == KvBook::State::absent) {
            first = at;
            return false;
          }
          extend_host(job);
          if (state.state == KvBook::State::loading &&
              runs_[state.owner].job_sequence != job.sequence) {
            if (join(state.owner, job, Flow::fetch)) counters_.shared_blocks += state.count;
          }
          at += state.count;
          piece = behind(piece, state.count);
        }
        return true;
      });
  job.net_issued = std::max(job.net_issued, first);
  extend_host(job);
  if (first >= job.use) return Issue::nothing;
  const std::optional<StorageId> node = source_of(job, first);
  if (!node) {  // no pool, or no node of it left that may give this block
    truncate(job, first);
    if (walks_ && resources_.storage_nodes > 0) reform_ = true;
    return Issue::nothing;
  }
  if (static_cast<std::int64_t>(active_fetches_.size()) >= config_.network_window.operations) {
    return Issue::no_credit;
  }
  // One run: absent blocks in order, of one storage node, no more than there are slots for.
  const std::int64_t room = std::min(host_.available() - host_reserve_, config_.run_blocks);
  if (room <= 0) return Issue::no_space;
  const std::uint32_t slot = new_run(Flow::fetch);
  std::int32_t to = first;
  for_pieces(spec, first, job.use, [&](BlockRun run, std::int32_t) {
    return for_node_pieces(run, resources_, [&](const PlacedRun& piece) {
      for (BlockRun rest = piece.blocks; rest.count > 0;) {  // taking slots may evict what follows
        if (source_of(job, to, piece.node) != node) return false;
        const KvBook::Piece state = host_.look(rest);
        if (state.state != KvBook::State::absent) return false;
        const auto count = static_cast<std::int32_t>(
            std::min<std::int64_t>(same_source(job, to, state.count), room - (to - first)));
        if (count == 0) return false;
        host_.reserve({rest.first, count}, slot);
        to += count;
        rest = behind(rest, count);
      }
      return true;
    });
  });
  Run& run = runs_[slot];
  run.job = job.slot;
  run.job_sequence = job.sequence;
  run.spec = &spec;
  run.from = first;
  run.to = to;
  run.node = *node;
  run.key = job.network_key;
  active_fetches_.push_back(slot);
  ++job.fetching;
  job.net_issued = to;
  if (job.times.load_start == never) job.times.load_start = now_;
  Command& fetch = command(CommandKind::fetch);
  fetch.run = run_id(slot);
  fetch.request = spec.id;
  fetch.node = run.node;
  fetch.from = run.from;
  fetch.to = run.to;
  update_queues(job);  // its copy may follow at once
  return Issue::issued;
}

/// Blocks that had been fetched before and are not here any more: the host tier is too small.
void Instance::note_reload(BlockRun piece) {
  while (piece.count > 0) {
    const KvBook::Piece known = fetched_before_.look(piece);
    const BlockRun part{piece.first, known.count};
    if (known.state == KvBook::State::resident) {
      counters_.reloaded_blocks += known.count;
      fetched_before_.pin(part);
    } else {
      fetched_before_.reserve(part, 0);
      fetched_before_.fill(part);
    }
    fetched_before_.unpin(part);
    piece = behind(piece, known.count);
  }
}

void Instance::fetched(const Event& event) {
  Run& run = run_of(event.run);
  const std::uint32_t slot = slot_of(event.run);
  const RequestSpec& spec = *run.spec;
  const std::int32_t end = run.from + event.blocks;
  CALVO_EXPECT(run.flow == Flow::fetch && run.from <= end && end <= run.to);
  std::erase(active_fetches_, slot);
  counters_.fetched_blocks += event.blocks;
  for_pieces(spec, run.from, end, [&](BlockRun piece, std::int32_t) {
    host_.fill(piece);
    note_reload(piece);
    return true;
  });
  for_pieces(spec, end, run.to, [&](BlockRun piece, std::int32_t) {
    host_.drop(piece);
    return true;
  });
  const bool silent = event.status == TransferStatus::timeout;
  if (silent) quarantine(run.to - end);
  std::int32_t kept = end;  // the copy behind this fetch keeps the pins of what it reads
  if (run.follower != 0) {
    Run& copy = runs_[run.follower - 1];
    copy.following = false;
    ++copies_ahead_;
    kept = std::clamp(copy.from, run.from, end);
    copy.source_to = std::max(copy.from, end);
  }
  if (kept > run.from) unpin_range(host_, spec, run.from, kept);
  const bool failed = end < run.to && event.status != TransferStatus::cut;
  // What has to wait for a node once does not wait for it again.
  const Failure failure{end, silent ? std::numeric_limits<std::int32_t>::max() : run.to, run.node};
  switch (event.status) {
    case TransferStatus::cut:
      ++counters_.cut_fetches;
      break;
    case TransferStatus::corrupt:
      ++counters_.corrupt_fetches;
      break;
    case TransferStatus::timeout:
      ++counters_.timed_out_fetches;
      break;
    case TransferStatus::ok:
    case TransferStatus::missing:
      if (failed) counters_.missing_blocks += run.to - end;
      break;
  }

  Job& job = jobs_[run.job];
  if (job.sequence == run.job_sequence && job.phase != Phase::free) {
    --job.fetching;
    if (end < run.to) job.net_issued = std::min(job.net_issued, std::max(end, job.landed));
    extend_host(job);
    if (failed) load_failed(job, failure);
    extend_gpu(job);
    update_queues(job);
  }
  if (failed && event.status != TransferStatus::missing) tell_waiters(run, failure);
  wake(run);
  if (silent) {
    run.flow = Flow::quarantine;
    run.from = end;
  } else {
    free_run(slot);
  }
  if (job.sequence == run.job_sequence) settle_cancelled(job);
  if (walks_) reform_ = true;
}

}  // namespace calvo::control
