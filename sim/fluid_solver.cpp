#include "sim/fluid_solver.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"

namespace calvo::sim {
namespace {

/// A rate that differs by less than this is the same rate: rounding, not a change.
constexpr double same_rate = 1e-12;

}  // namespace

LinkId FluidSolver::add_link(double capacity) {
  CALVO_EXPECT(capacity > 0);
  links_.emplace_back().capacity = capacity;
  return LinkId{static_cast<std::uint32_t>(links_.size() - 1)};
}

FluidSolver::Flow& FluidSolver::at(FlowId flow) {
  const auto slot = static_cast<std::size_t>(flow);
  CALVO_EXPECT(slot < flows_.size() && flows_[slot].alive);
  return flows_[slot];
}

const FluidSolver::Flow& FluidSolver::at(FlowId flow) const {
  const auto slot = static_cast<std::size_t>(flow);
  CALVO_EXPECT(slot < flows_.size() && flows_[slot].alive);
  return flows_[slot];
}

void FluidSolver::advance(double now) {
  CALVO_EXPECT(now >= now_);
  if (now == now_) return;
  solve();  // changes made until now count from their own date
  now_ = now;
}

FlowId FluidSolver::start(const FlowSpec& spec, std::uint64_t sequence) {
  CALVO_EXPECT(!spec.links.empty() && spec.links.size() <= max_links);
  CALVO_EXPECT(spec.bytes > 0 && spec.weight > 0 && spec.cap >= 0);
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flow& flow = flows_[slot];
  flow.rate = 0;
  flow.left = flow.total = spec.bytes;
  flow.since = now_;
  flow.weight = spec.weight;
  flow.cap = spec.cap;
  flow.tag = spec.tag;
  flow.sequence = sequence;
  flow.stamp = 0;
  flow.alive = true;
  flow.link_count = 0;
  for (const LinkId id : spec.links) {
    const std::uint32_t link = index(id);
    CALVO_EXPECT(link < links_.size());
    const auto* end = flow.links.begin() + flow.link_count;
    CALVO_EXPECT(std::find(flow.links.cbegin(), end, link) == end);
    std::vector<Crossing>& crossings = links_[link].flows;
    flow.links[flow.link_count] = link;
    flow.place[flow.link_count] = static_cast<std::uint32_t>(crossings.size());
    crossings.push_back({slot, flow.link_count});
    ++flow.link_count;
  }
  heap_.insert(slot, no_cap, sequence);
  mark_dirty(flow.links[0]);  // the flow itself leads to its other links
  return FlowId{slot};
}

void FluidSolver::remove(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  const double bytes = flow.total - left_now(flow);
  heap_.remove(slot);
  for (std::uint32_t i = 0; i < flow.link_count; ++i) {
    Link& link = links_[flow.links[i]];
    link.carried += bytes;
    const Crossing moved = link.flows.back();
    link.flows[flow.place[i]] = moved;
    flows_[moved.flow].place[moved.slot] = flow.place[i];
    link.flows.pop_back();
    mark_dirty(flow.links[i]);
  }
  flow.alive = false;
  free_.push_back(slot);
}

void FluidSolver::cancel(FlowId flow) {
  at(flow);
  remove(static_cast<std::uint32_t>(flow));
}

FluidSolver::Completion FluidSolver::pop_completion() {
  CALVO_EXPECT(!heap_.empty() && heap_.top_date() < no_cap);
  const std::uint32_t slot = heap_.top();
  Flow& flow = flows_[slot];
  flow.left = 0;  // whatever rounding left
  flow.since = now_;
  flow.rate = 0;
  const Completion done{flow.tag, flow.sequence};
  remove(slot);
  return done;
}

double FluidSolver::left_now(const Flow& flow) const {
  return std::max(0.0, flow.left - flow.rate * (now_ - flow.since));
}

void FluidSolver::settle(Flow& flow) {
  flow.left = left_now(flow);
  flow.since = now_;
}

double FluidSolver::end_of(const Flow& flow) const {
  if (flow.left <= 0) return now_;
  return flow.rate > 0 ? now_ + flow.left / flow.rate : no_cap;
}

void FluidSolver::resize(FlowId id, double total) {
  Flow& flow = at(id);
  settle(flow);
  const double moved = flow.total - flow.left;
  CALVO_EXPECT(total >= moved * (1 - 1e-9));
  flow.total = std::max(total, moved);
  flow.left = flow.total - moved;
  heap_.update(static_cast<std::uint32_t>(id), end_of(flow));
}

void FluidSolver::set_cap(FlowId id, double cap) {
  CALVO_EXPECT(cap >= 0);
  Flow& flow = at(id);
  if (flow.cap == cap) return;
  flow.cap = cap;
  mark_dirty(flow.links[0]);
}

void FluidSolver::set_capacity(LinkId link, double capacity) {
  CALVO_EXPECT(capacity >= 0 && index(link) < links_.size());
  links_[index(link)].capacity = capacity;
  mark_dirty(index(link));
}

double FluidSolver::moved(FlowId flow) const {
  return at(flow).total - left_now(at(flow));
}

double FluidSolver::rate(FlowId flow) {
  solve();
  return at(flow).rate;
}

double FluidSolver::carried(LinkId id) const {
  const Link& link = links_[index(id)];
  double bytes = link.carried;
  for (const Crossing& crossing : link.flows) {
    const Flow& flow = flows_[crossing.flow];
    bytes += flow.total - left_now(flow);
  }
  return bytes;
}

double FluidSolver::next_completion() {
  solve();
  return known_completion();
}

void FluidSolver::solve() {
  if (dirty_.empty()) return;
  collect_component();
  fill();
}

void FluidSolver::collect_component() {
  if (++stamp_ == 0) {  // wrapped: no old stamp may look new
    for (Link& link : links_) link.stamp = 0;
    for (Flow& flow : flows_) flow.stamp = 0;
    stamp_ = 1;
  }
  component_links_.clear();
  levels_.clear();
  unfixed_ = 0;
  for (const std::uint32_t link : dirty_) {
    if (links_[link].stamp == stamp_ || links_[link].flows.empty()) continue;
    links_[link].stamp = stamp_;
    component_links_.push_back(link);
  }
  dirty_.clear();
  for (std::size_t i = 0; i < component_links_.size(); ++i) {
    Link& link = links_[component_links_[i]];
    double weight = 0;
    for (const Crossing& crossing : link.flows) {
      weight += flows_[crossing.flow].weight;
      if (flows_[crossing.flow].stamp != stamp_) collect_flow(crossing.flow);
    }
    if (link.flows.size() == 1) continue;
    link.left = link.capacity;
    link.weight_left = weight;
    link.unfixed = static_cast<std::uint32_t>(link.flows.size());
    levels_.append({link.left / weight, component_links_[i]});
  }
}

// Links that a flow has to itself lead nowhere, and limit it as its cap does: one level for all.
void FluidSolver::collect_flow(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  flow.stamp = stamp_;
  flow.fixed = false;
  flow.limit = flow.cap;
  ++unfixed_;
  for (std::uint32_t k = 0; k < flow.link_count; ++k) {
    Link& link = links_[flow.links[k]];
    if (link.flows.size() == 1) {
      flow.limit = std::min(flow.limit, link.capacity);
    } else if (link.stamp != stamp_) {
      link.stamp = stamp_;
      component_links_.push_back(flow.links[k]);
    }
  }
  if (flow.limit < no_cap) {
    levels_.append({flow.limit / flow.weight, static_cast<std::uint32_t>(links_.size()) + slot});
  }
}

void FluidSolver::fill() {
  const auto offset = static_cast<std::uint32_t>(links_.size());
  levels_.order();
  while (unfixed_ > 0) {
    const auto [level, item] = levels_.top();
    if (item >= offset) {
      levels_.pop();
      const std::uint32_t slot = item - offset;
      if (flows_[slot].fixed) continue;
      fix(slot, flows_[slot].limit);
      --unfixed_;
      continue;
    }
    Link& link = links_[item];
    if (link.unfixed == 0) {
      levels_.pop();
      continue;
    }
    // Levels only rise as flows are fixed; what rounding takes below the last one is given back.
    const double current = std::max(level, link.left / link.weight_left);
    if (current > level * (1 + same_rate)) {
      levels_.replace_top({current, item});
      continue;
    }
    levels_.pop();
    unfixed_ -= link.unfixed;
    for (const Crossing& crossing : link.flows) {
      const Flow& flow = flows_[crossing.flow];
      if (!flow.fixed) fix(crossing.flow, current * flow.weight);
    }
  }
}

void FluidSolver::fix(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  flow.fixed = true;
  for (std::uint32_t k = 0; k < flow.link_count; ++k) {
    Link& link = links_[flow.links[k]];
    link.left -= rate;
    link.weight_left -= flow.weight;
    --link.unfixed;
  }
  set_rate(slot, rate);
}

void FluidSolver::set_rate(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  if (std::abs(flow.rate - rate) <= same_rate * rate) return;
  settle(flow);
  flow.rate = rate;
  heap_.update(slot, end_of(flow));
}

}  // namespace calvo::sim
