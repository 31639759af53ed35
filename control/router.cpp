#include "control/router.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "policies/registry.hpp"

namespace calvo::control {

Router::Router(std::string_view policy, std::int32_t instances, const InstanceResources& resources,
               const models::CostModel& estimates)
    : policy_(policies::make_routing(policy)), resources_(resources), estimates_(&estimates) {
  CALVO_EXPECT(instances > 0);
  for (std::int32_t i = 0; i < instances; ++i) {
    peers_.emplace_back(resources.gpu_blocks + resources.host_blocks);
  }
  views_.resize(static_cast<std::size_t>(instances));
}

void Router::handle(std::span<const Event> batch, CommandBuffer& out) {
  for (const Event& event : batch) {
    if (event.kind == EventKind::arrival) {
      dispatch(*event.spec, out);
      continue;
    }
    CALVO_EXPECT(event.kind == EventKind::finished);
    for (Peer& peer : peers_) {
      const auto sent = std::ranges::find(peer.outstanding, event.request, &Sent::request);
      if (sent == peer.outstanding.end()) continue;
      peer.backlog_ns -= to_nanoseconds(sent->cost).count();
      *sent = peer.outstanding.back();
      peer.outstanding.pop_back();
      break;
    }
  }
}

std::int32_t Router::hinted_blocks(const Peer& peer, const RequestSpec& spec) const {
  std::int32_t blocks = 0;
  for (const BlockRun& run : spec.blocks) {
    const std::int32_t resident = peer.hints.resident_prefix(run);
    blocks += resident;
    if (resident < run.count) break;
  }
  return std::min(blocks, spec.prompt_blocks);
}

/// The request will leave all its blocks there, as the most recently used.
void Router::remember(Peer& peer, const RequestSpec& spec) {
  for (auto run = spec.blocks.rbegin(); run != spec.blocks.rend(); ++run) {
    BlockRun rest = *run;
    while (rest.count > 0) {
      const KvBook::Piece piece = peer.hints.look(rest);
      const BlockRun part{rest.first, piece.count};
      if (piece.state == KvBook::State::resident) {
        peer.hints.pin(part);
      } else if (part.count <= peer.hints.available()) {
        peer.hints.reserve(part, 0);
        peer.hints.fill(part);
      } else {
        return;
      }
      peer.hints.unpin(part);
      rest = behind(rest, piece.count);
    }
  }
}

void Router::dispatch(const RequestSpec& spec, CommandBuffer& out) {
  const std::int64_t block = resources_.block_tokens.count();
  std::int32_t pool = 0;  // what some instance has had lies in the remote pool, for all it knows
  hits_.assign(peers_.size(), 0);
  if (policy_->wants_cost()) {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      hits_[i] =
          std::min<std::int32_t>(hinted_blocks(peers_[i], spec),
                                 static_cast<std::int32_t>((spec.input.count() - 1) / block));
      pool = std::max(pool, hits_[i]);
    }
    if (resources_.storage_nodes == 0) pool = 0;
  }
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    policies::InstanceView& view = views_[i];
    view.outstanding = static_cast<std::int64_t>(peers_[i].outstanding.size());
    view.backlog = to_seconds(Nanoseconds{peers_[i].backlog_ns});
    const std::int32_t used = std::max(hits_[i], pool);
    const models::Work work{Tokens{(used - hits_[i]) * block}, Tokens{0}, Tokens{hits_[i] * block},
                            spec.input - Tokens{used * block}};
    view.cost =
        policy_->wants_cost() ? estimates_->load(work) + estimates_->compute(work) : Seconds{0};
  }
  const std::size_t chosen = policy_->choose(views_, sequence_++);
  Peer& peer = peers_[chosen];
  peer.outstanding.push_back({spec.id, views_[chosen].cost});
  peer.backlog_ns += to_nanoseconds(views_[chosen].cost).count();
  if (policy_->wants_cost()) remember(peer, spec);
  Command& command = out.commands.emplace_back();
  command.kind = CommandKind::dispatch;
  command.request = spec.id;
  command.instance = InstanceId{static_cast<std::uint32_t>(chosen)};
}

}  // namespace calvo::control
