// Which links limited which transfer: max-min fair sharing, replayed from the dates of transfers.
#include <algorithm>
#include <limits>
#include <numeric>

#include "analysis/explain.hpp"

namespace calvo::analysis {
namespace {

constexpr double same_rate = 1e-6;  // relative: rates that near are alike

/// A transfer while it flows.
struct Flow {
  std::size_t transfer = 0;
  double cap = 0;
  bool fixed = false;
  double rate = 0;
  std::vector<std::uint32_t> limited_by;
};

class Filling {
public:
  explicit Filling(const ExplainEvidence& evidence)
      : evidence_(evidence), left_(evidence.links.size()), claims_(evidence.links.size()) {}

  /// Gives each flow its rate and the links that set it.
  void fill(std::vector<Flow>& flows) {
    for (std::size_t i = 0; i < left_.size(); ++i) left_[i] = evidence_.links[i].capacity;
    for (Flow& flow : flows) flow.fixed = false;
    for (std::size_t unfixed = flows.size(); unfixed > 0;) {
      const double level = next_level(flows);
      for (Flow& flow : flows) {
        if (!flow.fixed) settle(flow, level);
      }
      std::size_t now = 0;
      for (Flow& flow : flows) {
        if (!flow.fixed) continue;
        ++now;
        if (flow.rate < 0) give(flow, level);
      }
      unfixed = flows.size() - now;
    }
  }

private:
  double next_level(const std::vector<Flow>& flows) {
    std::ranges::fill(claims_, 0.0);
    double level = std::numeric_limits<double>::infinity();
    for (const Flow& flow : flows) {
      if (flow.fixed) continue;
      level = std::min(level, flow.cap);
      for (const ExplainCrossing& crossing : evidence_.transfers[flow.transfer].links) {
        claims_[crossing.link] += crossing.share;
      }
    }
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      if (claims_[i] > 0) level = std::min(level, left_[i] / claims_[i]);
    }
    return std::max(level, 0.0);
  }

  void settle(Flow& flow, double level) {
    const ExplainTransfer& transfer = evidence_.transfers[flow.transfer];
    const double bound = level * (1 + same_rate);
    flow.limited_by.clear();
    for (const ExplainCrossing& crossing : transfer.links) {
      if (left_[crossing.link] / claims_[crossing.link] <= bound) {
        flow.limited_by.push_back(crossing.link);
      }
    }
    if (flow.cap <= bound) {
      flow.limited_by.insert(flow.limited_by.end(), transfer.cap_links.begin(),
                             transfer.cap_links.end());
    }
    if (flow.limited_by.empty() && flow.cap > bound) return;
    std::ranges::sort(flow.limited_by);
    const auto twice = std::ranges::unique(flow.limited_by);
    flow.limited_by.erase(twice.begin(), twice.end());
    flow.fixed = true;
    flow.rate = -1;  // given below: no link may change while others are asked about it
  }

  void give(Flow& flow, double level) {
    flow.rate = std::min(level, flow.cap);
    for (const ExplainCrossing& crossing : evidence_.transfers[flow.transfer].links) {
      left_[crossing.link] = std::max(0.0, left_[crossing.link] - crossing.share * flow.rate);
    }
  }

  const ExplainEvidence& evidence_;
  std::vector<double> left_, claims_;
};

/// Copies that follow a fetch are not faster than it: they are limited by what limits it.
void hold_followers(const ExplainEvidence& evidence, Filling& filling, std::vector<Flow>& flows) {
  const auto leader_of = [&](const Flow& flow) -> const Flow* {
    const std::int64_t leader = evidence.transfers[flow.transfer].follows;
    if (leader < 0) return nullptr;
    const auto found = std::ranges::find(flows, static_cast<std::size_t>(leader), &Flow::transfer);
    return found == flows.end() ? nullptr : &*found;
  };
  bool held = false;
  for (Flow& flow : flows) {
    const Flow* leader = leader_of(flow);
    if (leader == nullptr || leader->rate >= flow.rate) continue;
    flow.cap = leader->rate;
    held = true;
  }
  if (!held) return;
  filling.fill(flows);
  for (Flow& flow : flows) {
    const Flow* leader = leader_of(flow);
    if (leader != nullptr && flow.rate >= flow.cap * (1 - same_rate)) {
      flow.limited_by = leader->limited_by;
    }
  }
}

LimitSpan span_of(const ExplainEvidence& evidence, const std::vector<Flow>& flows,
                  const Flow& flow) {
  const ExplainTransfer& transfer = evidence.transfers[flow.transfer];
  LimitSpan span;
  span.links = flow.limited_by;
  double alone = transfer.cap > 0 ? transfer.cap : std::numeric_limits<double>::infinity();
  for (const ExplainCrossing& crossing : transfer.links) {
    alone = std::min(alone, evidence.links[crossing.link].capacity / crossing.share);
  }
  span.share = std::min(1.0, flow.rate / alone);
  if (span.share > 1 - same_rate) span.share = 1;
  if (span.share == 1) return span;
  for (const Flow& other : flows) {
    const ExplainTransfer& its = evidence.transfers[other.transfer];
    if (!its.inward || its.request == transfer.request) continue;
    const bool meets = std::ranges::any_of(its.links, [&](const ExplainCrossing& crossing) {
      return std::ranges::find(span.links, crossing.link) != span.links.end();
    });
    if (meets) span.beside.push_back(its.request);
  }
  std::ranges::sort(span.beside);
  const auto twice = std::ranges::unique(span.beside);
  span.beside.erase(twice.begin(), twice.end());
  return span;
}

}  // namespace

std::vector<std::vector<LimitSpan>> limiting_links(const ExplainEvidence& evidence) {
  struct Change {
    Instant date;
    bool begins;
    std::size_t transfer;
  };
  std::vector<Change> changes;
  for (std::size_t i = 0; i < evidence.transfers.size(); ++i) {
    const ExplainTransfer& transfer = evidence.transfers[i];
    if (transfer.begin >= transfer.end || transfer.links.empty()) continue;
    changes.push_back({transfer.begin, true, i});
    changes.push_back({transfer.end, false, i});
  }
  std::ranges::stable_sort(changes, {}, &Change::date);

  std::vector<std::vector<LimitSpan>> out(evidence.transfers.size());
  std::vector<Flow> flows;
  Filling filling(evidence);
  for (std::size_t i = 0; i < changes.size();) {
    const Instant date = changes[i].date;
    for (; i < changes.size() && changes[i].date == date; ++i) {
      const std::size_t transfer = changes[i].transfer;
      if (changes[i].begins) {
        flows.push_back({transfer, 0, false, 0, {}});
      } else {
        std::erase_if(flows, [&](const Flow& flow) { return flow.transfer == transfer; });
      }
    }
    if (i == changes.size() || flows.empty()) continue;
    for (Flow& flow : flows) {
      const double cap = evidence.transfers[flow.transfer].cap;
      flow.cap = cap > 0 ? cap : std::numeric_limits<double>::infinity();
    }
    filling.fill(flows);
    hold_followers(evidence, filling, flows);
    for (const Flow& flow : flows) {
      std::vector<LimitSpan>& spans = out[flow.transfer];
      LimitSpan span = span_of(evidence, flows, flow);
      span.from = spans.empty() || spans.back().to != date ? date : spans.back().from;
      span.to = spans.empty() ? span.to : spans.back().to;
      if (span.from != date && span == spans.back()) {
        spans.back().to = changes[i].date;
        continue;
      }
      span.from = date;
      span.to = changes[i].date;
      spans.push_back(std::move(span));
    }
  }
  return out;
}

}  // namespace calvo::analysis
