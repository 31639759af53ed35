#include "analysis/explain_transfers.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "analysis/explain_split.hpp"

namespace calvo::analysis {

void TransferCauses::own(bool network, RequestId whose, Instant from, Instant to) {
  const Indices list = under_way(from, to, [&](const ExplainTransfer& transfer) {
    return transfer.network == network && transfer.request == whose;
  });
  each_part(list, from, to, [&](Instant begin, Instant end, const Indices& now) {
    if (now.empty()) return unseen(begin, end);
    share_out(begin, end, now, [](const ExplainTransfer&) { return true; });
  });
}

void TransferCauses::others(bool network, Instant from, Instant to) {
  const Indices list = under_way(
      from, to, [&](const ExplainTransfer& transfer) { return transfer.network == network; });
  each_part(list, from, to, [&](Instant begin, Instant end, Indices now) {
    // Copies behind a running fetch do not count against the window.
    std::erase_if(now, [&](std::uint32_t i) {
      const std::int64_t leader = index_.evidence.transfers[i].follows;
      return leader >= 0 && index_.evidence.transfers[static_cast<std::size_t>(leader)].end > begin;
    });
    if (now.empty()) return unseen(begin, end);
    share_out(begin, end, now, [](const ExplainTransfer&) { return false; });
  });
}

void TransferCauses::of_step(Instant from, Instant to,
                             const std::function<void(Instant, Instant)>& idle) {
  const Indices list = under_way(from, to, [](const ExplainTransfer&) { return true; });
  each_part(list, from, to, [&](Instant begin, Instant end, Indices now) {
    const auto& transfers = index_.evidence.transfers;
    const bool network =
        std::ranges::any_of(now, [&](std::uint32_t i) { return transfers[i].network; });
    std::erase_if(now, [&](std::uint32_t i) {
      return transfers[i].network != network;  // copies go on behind what is fetched
    });
    if (now.empty()) return idle(begin, end);
    share_out(begin, end, now,
              [&](const ExplainTransfer& transfer) { return transfer.request == request_.id; });
  });
}

TransferCauses::Indices TransferCauses::under_way(Instant from, Instant to,
                                                  const Takes& takes) const {
  const Indices& here = index_.transfers_of[request_.instance];
  const auto& list = index_.evidence.transfers;
  const Instant earliest = from - index_.longest[request_.instance];
  auto next =
      std::ranges::lower_bound(here, earliest, {}, [&](std::uint32_t i) { return list[i].posted; });
  Indices found;
  for (; next != here.end() && list[*next].posted < to; ++next) {
    if (list[*next].end > from && list[*next].inward && takes(list[*next])) found.push_back(*next);
  }
  return found;
}

void TransferCauses::each_part(const Indices& list, Instant from, Instant to,
                               const Use& use) const {
  std::set<Instant> cuts{from, to};
  const auto cut = [&](Instant date) {
    if (from < date && date < to) cuts.insert(date);
  };
  for (const std::uint32_t i : list) {
    const ExplainTransfer& transfer = index_.evidence.transfers[i];
    cut(transfer.posted);
    cut(transfer.begin);
    cut(transfer.end);
    for (const LimitSpan& span : index_.limits[i]) cut(span.from);
  }
  for (auto begin = cuts.begin(), end = std::next(begin); end != cuts.end(); ++begin, ++end) {
    Indices active;
    for (const std::uint32_t i : list) {
      const ExplainTransfer& transfer = index_.evidence.transfers[i];
      if (transfer.posted <= *begin && *end <= transfer.end) active.push_back(i);
    }
    use(*begin, *end, active);
  }
}

const LimitSpan* TransferCauses::limit_at(std::uint32_t transfer, Instant date) const {
  for (const LimitSpan& span : index_.limits[transfer]) {
    if (span.from <= date && date < span.to) return &span;
  }
  return nullptr;
}

std::pair<Culprit, std::string> TransferCauses::limits_of(const LimitSpan& span) const {
  Culprit culprit = index_.evidence.links[span.links.front()].kind;
  std::string names;
  for (const std::uint32_t link : span.links) {
    const ExplainLink& info = index_.evidence.links[link];
    if (info.kind != culprit) culprit = Culprit::alike;
    names += (names.empty() ? "" : " = ") + info.name;
  }
  return {culprit, names};
}

void TransferCauses::share_out(Instant from, Instant to, const Indices& now, const Takes& is_own) {
  const std::vector<double> weights(now.size(), 1.0);
  const std::vector<Nanoseconds> parts = split_time(to - from, weights);
  for (std::size_t i = 0; i < now.size(); ++i) {
    flowing(now[i], from, to, parts[i], is_own(index_.evidence.transfers[now[i]]));
  }
}

void TransferCauses::flowing(std::uint32_t transfer, Instant from, Instant to, Nanoseconds time,
                             bool own) {
  const ExplainTransfer& its = index_.evidence.transfers[transfer];
  const bool mine = its.request == request_.id;
  const LimitSpan* span = limit_at(transfer, from);
  if (span == nullptr || span->links.empty()) {
    if (from >= its.begin) return pieces_.add(from, to, time, Culprit::none, "", How::unknown, {});
    const char* what = its.network ? "network.set_up" : "pcie.set_up";
    return pieces_.add(from, to, time, Culprit::set_up, pieces_.of_instance(what),
                       mine ? How::own : How::others, {});
  }
  const auto [culprit, resource] = limits_of(*span);
  if (!own) return pieces_.add_busy(from, to, time, culprit, resource, {its.request});
  const double weights[] = {span->share, 1 - span->share};
  const std::vector<Nanoseconds> parts = split_time(time, weights);
  std::vector<RequestId> whose;
  if (!mine) whose.push_back(its.request);
  pieces_.add(from, to, parts[0], culprit, resource, mine ? How::own : How::shared, whose);
  pieces_.add(from, to, parts[1], culprit, resource, How::beside, span->beside);
}

void TransferCauses::unseen(Instant from, Instant to) {
  pieces_.add(from, to, to - from, Culprit::software, pieces_.of_instance("engine"), How::unseen,
              {});
}

}  // namespace calvo::analysis
