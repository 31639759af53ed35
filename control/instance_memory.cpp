// What a request holds in the books of its instance.
#include <algorithm>

#include "control/instance.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {

std::int64_t Instance::blocks_for(Tokens tokens) const {
  const std::int64_t block = resources_.block_tokens.count();
  return (tokens.count() + block - 1) / block;
}

/// Tokens that it will generate here.
Tokens Instance::output_of(const RequestSpec& spec) const {
  return config_.decode ? spec.output : Tokens{1};
}

/// Leading blocks that a prefill may take from elsewhere: full ones, and one token must be
/// computed.
std::int32_t Instance::usable_blocks(const Job& job) const {
  const std::int64_t full = (job.target.count() - 1) / resources_.block_tokens.count();
  std::int64_t named = job.spec->prompt_blocks;
  if (job.target > job.spec->input) {  // preempted: its own output is prompt now
    named = 0;
    for (const BlockRun& run : job.spec->blocks) named += run.count;
  }
  return static_cast<std::int32_t>(std::min(full, named));
}

void Instance::pin_range(KvBook& book, const RequestSpec& spec, std::int32_t from,
                         std::int32_t to) {
  for_pieces(spec, from, to, [&](BlockRun piece, std::int32_t) {
    book.pin(piece);
    return true;
  });
}

void Instance::unpin_range(KvBook& book, const RequestSpec& spec, std::int32_t from,
                           std::int32_t to) {
  scratch_.clear();
  for_pieces(spec, from, to, [&](BlockRun piece, std::int32_t) {
    scratch_.push_back(piece);
    return true;
  });
  for (auto piece = scratch_.rbegin(); piece != scratch_.rend(); ++piece) book.unpin(*piece);
}

std::int32_t Instance::resident_end(const KvBook& book, const RequestSpec& spec, std::int32_t from,
                                    std::int32_t to) const {
  std::int32_t end = from;
  for_pieces(spec, from, to, [&](BlockRun piece, std::int32_t at) {
    const std::int32_t resident = book.resident_prefix(piece);
    end = at + resident;
    return resident == piece.count;
  });
  return end;
}

std::int64_t Instance::prefill_blocks(const Job& job) const {
  return config_.gpu_memory == GpuMemory::whole_request
             ? blocks_for(job.spec->input + output_of(*job.spec))
             : blocks_for(job.target);
}

/// What the memory discipline takes when a load begins.
std::int64_t Instance::load_blocks(const Job& job) const {
  return config_.gpu_memory == GpuMemory::at_load_begin ? std::max<std::int64_t>(job.use, 1)
                                                        : prefill_blocks(job);
}

/// Promises the job `slots` GPU slots in all and pins the part of its prefix that is there; `owed`
/// is what it will ask for beyond them later. False, and nothing changed, if there are not so many.
bool Instance::commit(Job& job, std::int64_t slots, std::int64_t owed) {
  if (job.wanted >= slots) {
    extend_gpu(job);
    return true;
  }
  const auto fits = [&](std::int32_t resident) {
    const std::int64_t taken = resident + job.copying_blocks + job.anonymous;
    std::int64_t room = uncommitted() + job.committed;
    if (config_.load_admission == LoadAdmission::free_minus_reserved) room -= owed_ - job.owed;
    return std::max<std::int64_t>(0, slots - taken) <= room;
  };
  if (!fits(job.use)) return false;  // not even if all its prefix were there: no need to look
  const std::int32_t end = resident_end(gpu_, *job.spec, job.gpu, job.use);
  if (!fits(end)) return false;
  if (end > job.gpu) pin_range(gpu_, *job.spec, job.gpu, end);
  if (!fits(end)) {  // what it pinned was part of the room
    if (end > job.gpu) unpin_range(gpu_, *job.spec, job.gpu, end);
    return false;
  }
  job.wanted = slots;
  count_ready(job);
  owed_ += owed - job.owed;
  job.owed = owed;
  now_loaded_ = now_loaded_ || (end > job.gpu && end >= job.use);
  job.gpu = end;
  job.gpu_issued = std::max(job.gpu_issued, end);
  recommit(job);
  if (job.gpu < job.host_low) {  // part of a prefix that lay in GPU memory has been evicted
    release_host(job);
    again_ = true;
  }
  extend_gpu(job);
  if (!can_load()) truncate(job, job.gpu);  // evicted since the request was planned
  return true;
}

void Instance::recommit(Job& job) {
  const std::int64_t taken = job.gpu + job.copying_blocks + job.anonymous;
  const std::int64_t left = std::max<std::int64_t>(0, job.wanted - taken);
  committed_ += left - job.committed;
  job.committed = left;
  CALVO_ENSURE(committed_ >= 0);
}

/// Pins what has come into GPU memory behind [0, gpu), and lets go of its host copies.
void Instance::extend_gpu(Job& job) {
  if (job.wanted == 0) return;
  const std::int32_t end = resident_end(gpu_, *job.spec, job.gpu, job.use);
  if (end > job.gpu) {
    pin_range(gpu_, *job.spec, job.gpu, end);
    job.gpu = end;
    job.gpu_issued = std::max(job.gpu_issued, end);
    now_loaded_ = now_loaded_ || end >= job.use;
    recommit(job);
  }
  if (job.gpu > job.host_low) {
    const std::int32_t unneeded = std::min(job.gpu, job.landed);
    if (unneeded > job.host_low) {
      unpin_range(host_, *job.spec, job.host_low, unneeded);
      again_ = true;  // a fetch may have waited for these slots
    }
    job.host_low = job.gpu;
    job.landed = std::max(job.landed, job.gpu);
    job.net_issued = std::max(job.net_issued, job.landed);
  }
  note_progress(job);
}

/// Pins what has come into host memory behind [host_low, landed).
void Instance::extend_host(Job& job) {
  if (job.landed >= job.use) return;
  const std::int32_t end = resident_end(host_, *job.spec, job.landed, job.use);
  if (end > job.landed) {
    pin_range(host_, *job.spec, job.landed, end);
    job.landed = end;
    now_loaded_ = now_loaded_ || end >= job.use;
    job.net_issued = std::max(job.net_issued, end);
  }
  note_progress(job);
}

void Instance::release_host(Job& job) {
  if (job.landed > job.host_low) unpin_range(host_, *job.spec, job.host_low, job.landed);
  job.host_low = job.landed = job.net_issued = job.gpu;
}

void Instance::release_gpu(Job& job) {
  if (job.gpu > 0) unpin_range(gpu_, *job.spec, 0, job.gpu);
  gpu_.give(job.anonymous);
  job.gpu = job.gpu_issued = 0;
  job.anonymous = 0;
  job.wanted = 0;
  count_ready(job);
  owed_ -= job.owed;
  job.owed = 0;
  recommit(job);
  job.host_low = job.landed = job.net_issued = 0;
  reform_ = true;
}

/// The job's own slots up to position `to` get the names of their blocks, so that others can share
/// them. Stops at a block that somebody else is loading: that one stays without a name.
void Instance::name_blocks(Job& job, std::int32_t to) {
  const std::int32_t from = job.gpu;
  for_pieces(*job.spec, from, to, [&](BlockRun piece, std::int32_t) {
    while (piece.count > 0) {
      const KvBook::Piece state = gpu_.look(piece);
      const auto count =
          static_cast<std::int32_t>(std::min<std::int64_t>(state.count, job.anonymous));
      if (count == 0 || state.state == KvBook::State::loading) return false;
      const BlockRun named{piece.first, count};
      if (state.state == KvBook::State::absent) {
        gpu_.adopt(named);
      } else {  // computed twice: use the one that others know
        gpu_.pin(named);
        gpu_.give(count);
      }
      job.anonymous -= count;
      job.gpu += count;
      piece = behind(piece, count);
    }
    return true;
  });
  recommit(job);
}

std::optional<std::int32_t> Instance::named_blocks(RequestId request) const {
  for (const Job& job : jobs_) {
    if (job.phase != Phase::free && job.spec->id == request) return job.gpu;
  }
  return std::nullopt;
}

}  // namespace calvo::control
