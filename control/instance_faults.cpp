// Storage nodes that do not give what they should: other replicas, and memory that has to wait.
#include <algorithm>

#include "control/instance.hpp"
#include "control/storage_placement.hpp"
#include "core/block_pieces.hpp"
#include "core/contract.hpp"

namespace calvo::control {
namespace {

/// First position from `from` on at which the two do not name the same block; at most `to`.
std::int32_t common_end(const RequestSpec& a, const RequestSpec& b, std::int32_t from,
                        std::int32_t to) {
  std::int32_t end = from;
  for_pieces(a, from, to, [&](BlockRun mine, std::int32_t at) {
    for_pieces(b, at, at + mine.count, [&](BlockRun theirs, std::int32_t position) {
      if (position != end || behind(mine, position - at).first != theirs.first) return false;
      end += theirs.count;
      return true;
    });
    return end == at + mine.count;
  });
  return end;
}

}  // namespace

/// The first replica of the block at `position`, whose first copy lies on `home`, that is up and
/// has not failed to give it to this job.
std::optional<StorageId> Instance::source_of(const Job& job, std::int32_t position,
                                             StorageId home) const {
  for (std::int32_t replica = 0; replica < resources_.storage_replicas; ++replica) {
    const StorageId node = replica_of(home, replica, resources_);
    const bool failed = std::ranges::any_of(job.failures, [&](const Failure& failure) {
      return failure.node == node && failure.from <= position && position < failure.to;
    });
    if (!down_[raw(node)] && !failed) return node;
  }
  return std::nullopt;
}

std::optional<StorageId> Instance::source_of(const Job& job, std::int32_t position) const {
  std::optional<StorageId> node;
  if (resources_.storage_nodes == 0) return node;
  for_pieces(*job.spec, position, position + 1, [&](BlockRun block, std::int32_t) {
    node = source_of(job, position, leading_on_node(block, resources_).node);
  });
  return node;
}

/// How many of `count` blocks from `position` on, all of one home, have the same source.
std::int32_t Instance::same_source(const Job& job, std::int32_t position,
                                   std::int32_t count) const {
  for (const Failure& failure : job.failures) {
    for (const std::int32_t edge : {failure.from, failure.to}) {
      if (position < edge) count = std::min(count, edge - position);
    }
  }
  return count;
}

/// The next replica is asked for what a node has not given; where there is none, it is computed.
void Instance::load_failed(Job& job, Failure failure) {
  job.failures.push_back(failure);
  if (source_of(job, failure.from)) return;
  job.remote_to =
      std::min(job.remote_to, failure.from);  // what it computes instead is worth storing
  if (job.phase == Phase::waiting || job.phase == Phase::member) truncate(job, failure.from);
}

/// Who has waited for a transfer does not ask the same node for the same blocks once more.
void Instance::tell_waiters(const Run& run, Failure failure) {
  for (const Waiter& waiter : run.waiters) {
    Job& job = jobs_[waiter.slot];
    if (job.sequence != waiter.sequence || job.phase == Phase::free) continue;
    Failure its = failure;
    const std::int32_t shared = common_end(*run.spec, *job.spec, its.from, run.to);
    if (shared == its.from) continue;  // it needs none of these
    its.to = its.to > run.to ? its.to : shared;
    load_failed(job, its);
  }
}

/// Slots that have just become free are nobody's: a transfer that timed out may still write there.
void Instance::quarantine(std::int32_t slots) {
  host_.take(slots);
  quarantined_ += slots;
  ++draining_;
}

void Instance::drained(const Event& event) {
  Run& run = run_of(event.run);
  CALVO_EXPECT(run.flow == Flow::quarantine);
  host_.give(run.to - run.from);
  quarantined_ -= run.to - run.from;
  --draining_;
  free_run(slot_of(event.run));
  if (walks_) reform_ = true;
}

void Instance::set_down(StorageId node, bool down) {
  CALVO_EXPECT(raw(node) < down_.size());
  down_[raw(node)] = down;
}

}  // namespace calvo::control
