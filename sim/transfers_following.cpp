// Copies that follow a fetch: never before what has landed, and at its rate once they caught up.
#include <algorithm>

#include "sim/transfers.hpp"

namespace calvo::sim {

/// A fetch has ended: the copy behind it knows now how many blocks there are, and that all landed.
void Transfers::leader_over(std::uint32_t slot) {
  const Transfer& leader = transfers_[slot];
  const std::uint32_t behind = leader.follower;
  Transfer& copy = transfers_[behind];
  std::erase(followers_, behind);
  copy.leader = Transfer::none;
  const std::int32_t landed = std::max(0, leader.from + leader.granted - copy.from);
  copy.granted = std::min(copy.granted, landed);
  if (copy.granted == 0) {
    finish(behind);
    return;
  }
  const bool waiting = copy.state == Transfer::State::waiting;
  const Instant ready = copy.posted + to_nanoseconds(set_up_[static_cast<std::size_t>(copy.kind)]);
  if (waiting && world_.date() < ready) {  // begins as any other copy would
    copy.state = Transfer::State::set_up;
    set_timer(behind, to_seconds(ready - world_.date()));
    return;
  }
  if (waiting) copy.began = world_.date();
  if (!waiting && copy.moved >= copy.granted) {
    finish(behind);
  } else if (waiting || copy.lanes.empty()) {
    start_flows(behind);
    if (!exact_caps_ && !by_block_) copy_ahead(copy, leader);
  } else if (!by_block_) {
    resize(copy);
    cap_lanes(copy, limit(copy));
  }
}

/// Without caps nothing could hold the copy back while its fetch ran: what the idle lane could have
/// carried since the first block landed is taken as copied, up to the last block.
void Transfers::copy_ahead(Transfer& copy, const Transfer& leader) {
  const double since = to_seconds(world_.date() - leader.began).count();
  const double share = 1 - 1.0 / std::max(1, leader.granted);
  const double ahead =
      std::min((copy.granted - 1) * block_bytes_, cap(copy.kind) * since * share * shards(copy));
  for (Transfer::Lane& lane : copy.lanes) {
    lane.bytes -= ahead / shards(copy);
    world_.network().resize(lane.flow, lane.bytes);
  }
}

/// At most one such timer is pending; an early one finds out and sets the next.
void Transfers::look_again(std::uint32_t slot, Seconds after) {
  Transfer& copy = transfers_[slot];
  const Instant due = world_.date() + to_nanoseconds(after) + Nanoseconds{1};
  if (copy.check <= due) return;
  copy.check = due;
  world_.at(due, {timer_kind_, 0, slot, ++copy.version});
}

/// All fetches are asked for their rates before any copy is given a new cap: a change of a flow
/// between two questions would have the network solved again for each.
void Transfers::follow() {
  for (const std::uint32_t slot : followers_) {
    Transfer& copy = transfers_[slot];
    const Transfer& leader = transfers_[copy.leader];
    copy.lead_rate = leader.state == Transfer::State::flowing ? rate_of(leader) : 0;
  }
  for (std::size_t i = 0; i < followers_.size(); ++i) follow(followers_[i]);
  for (const std::uint32_t slot : followers_) {
    Transfer& copy = transfers_[slot];
    if (copy.backlog <= 0) continue;
    const double own = rate_of(copy);
    if (own > copy.lead_rate) look_again(slot, Seconds{copy.backlog / (own - copy.lead_rate)});
  }
}

/// Holds a following copy to what has landed: it may not overtake, and needs whole blocks.
void Transfers::follow(std::uint32_t slot) {
  Transfer& copy = transfers_[slot];
  const Transfer& leader = transfers_[copy.leader];
  copy.backlog = 0;
  const bool hung = leader.state == Transfer::State::hung;
  if (leader.state != Transfer::State::flowing && !hung) return;
  if ((!exact_caps_ && !by_block_) || copy.granted == 0) return;
  if (by_block_) {
    if (!copy.lanes.empty() || copy.moved >= copy.granted) return;
    const Instant first =
        copy.posted + to_nanoseconds(set_up_[static_cast<std::size_t>(copy.kind)]);
    if (world_.date() < first) {
      look_again(slot, to_seconds(first - world_.date()));
      return;
    }
    if (leader.moved - (copy.from - leader.from) > copy.moved) {
      if (copy.state == Transfer::State::waiting) copy.began = world_.date();
      start_flows(slot);
    }
    return;
  }
  if (hung && copy.state != Transfer::State::waiting) return;  // goes on to the last that landed
  const double landed = moved_bytes(leader) - (copy.from - leader.from) * block_bytes_;
  constexpr double slack = 1e-5;  // of a block
  if (copy.state == Transfer::State::waiting) {
    const Instant ready =
        copy.posted + to_nanoseconds(set_up_[static_cast<std::size_t>(copy.kind)]);
    if (world_.date() < ready) {
      look_again(slot, to_seconds(ready - world_.date()));
      return;
    }
    if (landed < block_bytes_ * (1 - slack)) {
      const double missing = block_bytes_ - landed;
      if (copy.lead_rate > 0) look_again(slot, Seconds{missing / copy.lead_rate});
      return;
    }
    copy.began = world_.date();
    start_flows(slot);
    copy.cap_now = 0;
  }
  if (copy.lanes.empty()) return;  // has all it was to copy of this fetch
  const double behind = landed - block_bytes_ - moved_bytes(copy);
  if (behind > slack * block_bytes_ && !hung) copy.backlog = behind;
  const double limit = copy.backlog > 0 || hung
                           ? cap(copy.kind)
                           : std::min(cap(copy.kind), copy.lead_rate / shards(copy));
  if (limit != copy.cap_now) {
    copy.cap_now = limit;
    cap_lanes(copy, limit);
  }
}

}  // namespace calvo::sim
