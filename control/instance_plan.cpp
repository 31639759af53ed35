// What a request is to use of what is found for it, and its place in each order.
#include <algorithm>

#include "control/instance.hpp"

namespace calvo::control {

/// Where each leading block is: the fastest tier that has it.
void Instance::find_blocks(const Job& job) {
  const RequestSpec& spec = *job.spec;
  const std::int32_t usable = usable_blocks(job);
  stretches_.clear();
  std::int32_t at = 0;
  const auto until = [&](std::int32_t end, Tier tier) {
    if (end > at) stretches_.push_back({end, tier});
    at = end;
  };
  const bool loads = resources_.host_blocks > 0;
  for (bool more = true; more && at < usable;) {
    const std::int32_t before = at;
    until(resident_end(gpu_, spec, at, usable), Tier::gpu);
    if (loads) until(resident_end(host_, spec, at, usable), Tier::host);
    if (at == before && job.lookup_from <= at && at < std::min(usable, job.remote_to)) {
      until(std::min(usable, job.remote_to), Tier::remote);
    }
    more = at != before;
  }
}

/// What there is to do if it uses `use` leading blocks of those found.
models::Work Instance::work_of(const Job& job, std::int32_t use) const {
  std::int64_t blocks[3] = {};
  std::int32_t from = 0;
  for (const Stretch& stretch : stretches_) {
    const std::int32_t to = std::min(stretch.end, use);
    if (to <= from) break;
    blocks[static_cast<std::size_t>(stretch.tier)] += to - from;
    from = to;
  }
  const std::int64_t tokens = resources_.block_tokens.count();
  return {Tokens{blocks[2] * tokens}, Tokens{blocks[1] * tokens}, Tokens{blocks[0] * tokens},
          job.target - Tokens{use * tokens}};
}

policies::RestoreOption Instance::option_of(const Job& job, std::int32_t use) const {
  const models::Work work = work_of(job, use);
  return {use, estimates_->load(work), estimates_->compute(work)};
}

/// How many of the blocks found it is to use.
policies::RestoreOption Instance::choose_use(const Job& job) {
  const std::int32_t found = stretches_.empty() ? 0 : stretches_.back().end;
  const bool in_gpu = !stretches_.empty() && stretches_.front().tier == Tier::gpu;
  const std::int32_t least = in_gpu ? stretches_.front().end : 0;
  std::int32_t hits = found;
  if (config_.pcie_start == PcieStart::at_batch) {
    // The whole load lies in host memory before its copy begins: no more than fits there.
    hits = static_cast<std::int32_t>(
        std::min<std::int64_t>(found, least + host_.capacity() - host_reserve_));
  }
  options_.clear();
  options_.push_back(option_of(job, least));
  if (restore_->wants_more()) {
    constexpr std::int32_t parts = 16;
    for (std::int32_t i = 1; i < parts; ++i) {
      const auto use = static_cast<std::int32_t>(least + std::int64_t{hits - least} * i / parts);
      if (use > options_.back().blocks && use < hits) options_.push_back(option_of(job, use));
    }
  }
  if (hits > least) options_.push_back(option_of(job, hits));
  return restore_->choose({hits, least, options_,
                           to_seconds(std::max(outstanding_.network, outstanding_.copy)),
                           to_seconds(outstanding_.compute)});
}

/// What is left to do for it, and with it the totals.
void Instance::count_outstanding(Job& job, Demand demand) {
  if (!counts_outstanding_) return;
  outstanding_.network += demand.network - job.outstanding.network;
  outstanding_.copy += demand.copy - job.outstanding.copy;
  outstanding_.compute += demand.compute - job.outstanding.compute;
  job.outstanding = demand;
}

void Instance::plan(Job& job) {
  const RequestSpec& spec = *job.spec;
  const std::int64_t block = resources_.block_tokens.count();
  find_blocks(job);
  const policies::RestoreOption plan = choose_use(job);
  job.use = plan.blocks;
  counters_.recomputed_blocks += (stretches_.empty() ? 0 : stretches_.back().end) - job.use;
  const Nanoseconds relative = spec.deadline;
  policies::RequestView view{
      .arrival = job.times.arrival,
      .deadline = relative == Nanoseconds::max() ? never : job.times.arrival + relative,
      .input = job.target,
      .cached = Tokens{job.use * block},
      .new_tokens = job.target - Tokens{job.use * block},
      .load = plan.load,
      .compute = plan.compute};
  if (counts_outstanding_) {
    const models::Work work = work_of(job, job.use);
    view.copy = estimates_->load({Tokens{0}, work.remote + work.host, work.gpu, work.compute});
    const Demand demand{to_nanoseconds(estimates_->network(work)), to_nanoseconds(view.copy),
                        to_nanoseconds(view.compute)};
    count_outstanding(job, demand);
    const Nanoseconds most =
        std::max({outstanding_.network, outstanding_.copy, outstanding_.compute});
    view.bottleneck = to_seconds(most == outstanding_.network ? demand.network
                                 : most == outstanding_.copy  ? demand.copy
                                                              : demand.compute);
  }
  job.network_key = network_order_->key(view);
  job.pcie_key = pcie_order_->key(view);
  job.prefill_key = prefill_order_->key(view);
  if (decisions_ != nullptr) {
    decisions_->push_back({.date = now_,
                           .request = spec.id,
                           .deadline = view.deadline,
                           .cached = view.cached,
                           .fresh = view.new_tokens,
                           .load = view.load,
                           .compute = view.compute,
                           .network_key = job.network_key,
                           .pcie_key = job.pcie_key,
                           .prefill_key = job.prefill_key});
  }
  plan_deadline(job, view);

  job.gpu = job.gpu_issued = job.host_low = job.landed = job.net_issued = 0;
  job.planned = now_;
  job.timer_set = job.gave_up = false;
  job.resident = stretches_.empty() || job.use == 0 ||
                 (stretches_.front().tier == Tier::gpu && stretches_.front().end >= job.use);
  if (job.times.lookup_done == never) job.times.lookup_done = now_;
  job.phase = Phase::waiting;
  reform_ = true;
  if (config_.network_start == NetworkStart::on_arrival) enable_loads(job);
  update_queues(job);
}

}  // namespace calvo::control
