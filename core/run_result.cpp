#include "core/run_result.hpp"

namespace calvo {

Counters& Counters::operator+=(const Counters& other) {
  events += other.events;
  commands += other.commands;
  fetched_blocks += other.fetched_blocks;
  copied_blocks += other.copied_blocks;
  stored_blocks += other.stored_blocks;
  shared_blocks += other.shared_blocks;
  gpu_evictions += other.gpu_evictions;
  host_evictions += other.host_evictions;
  remote_evictions += other.remote_evictions;
  preemptions += other.preemptions;
  forced_releases += other.forced_releases;
  cut_fetches += other.cut_fetches;
  missing_blocks += other.missing_blocks;
  corrupt_fetches += other.corrupt_fetches;
  timed_out_fetches += other.timed_out_fetches;
  failed_stores += other.failed_stores;
  skipped_stores += other.skipped_stores;
  recomputed_blocks += other.recomputed_blocks;
  reloaded_blocks += other.reloaded_blocks;
  steps += other.steps;
  iterations += other.iterations;
  return *this;
}

}  // namespace calvo
