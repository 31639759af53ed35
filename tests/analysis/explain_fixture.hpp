// Timelines made by hand, with causes that are known.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/explain.hpp"

namespace calvo::analysis {

inline Instant at(std::int64_t ms) {
  return Instant{Nanoseconds{ms * 1'000'000}};
}
inline Nanoseconds ms(std::int64_t n) {
  return Nanoseconds{n * 1'000'000};
}

/// Two links on the way to one instance: 0 storage0.nic0.tx, 1 serving0.nic0.rx; 2: its lane.
/// Rates in bytes/s.
class HandMade {
public:
  explicit HandMade(double storage = 1e9, double serving = 4e9, double lane = 16e9) {
    evidence.links = {{"storage0.nic0.tx", Culprit::storage_nic, storage},
                      {"serving0.nic0.rx", Culprit::serving_nic, serving},
                      {"instance0.gpu0.pcie.h2d", Culprit::pcie_lane, lane}};
    evidence.end = at(1000);
  }

  /// A late request that waits from its arrival to its first token; the dates between the stages
  /// follow as far as they are given.
  ExplainRequest& request(std::uint64_t id, std::int64_t arrival, std::int64_t first_token) {
    ExplainRequest& added = evidence.requests.emplace_back();
    added.id = RequestId{id};
    added.times.arrival = added.times.lookup_done = at(arrival);
    added.times.load_start = added.times.network_done = added.times.loaded = at(first_token);
    added.times.prefill_start = added.times.first_token = added.times.finish = at(first_token);
    added.outcome = Outcome::completed;
    added.late = added.late_ttft = true;
    return added;
  }
  void wait(std::uint64_t id, Waiting why, std::int64_t from, std::int64_t to) {
    evidence.waits.push_back({RequestId{id}, why, RequestId{id}, at(from), at(to)});
  }
  ExplainTransfer& fetch(std::uint64_t id, std::int64_t from, std::int64_t to) {
    return transfer(id, from, to, true, {0, 1});
  }
  ExplainTransfer& copy(std::uint64_t id, std::int64_t from, std::int64_t to) {
    return transfer(id, from, to, false, {2});
  }
  ExplainStep& step(std::int64_t from, std::int64_t to, std::vector<std::uint64_t> prompts,
                    std::vector<std::uint64_t> decodes = {}) {
    ExplainStep& added = evidence.steps.emplace_back();
    added.formed = added.begin = at(from);
    added.end = at(to);
    for (const std::uint64_t id : prompts) added.prompts.push_back(RequestId{id});
    for (const std::uint64_t id : decodes) added.decodes.push_back(RequestId{id});
    return added;
  }
  std::vector<ExplainPiece> pieces(std::size_t index = 0) const {
    return Explainer(evidence).pieces(index);
  }

  ExplainEvidence evidence;

private:
  ExplainTransfer& transfer(std::uint64_t id, std::int64_t from, std::int64_t to, bool network,
                            std::vector<std::uint32_t> links) {
    ExplainTransfer& added = evidence.transfers.emplace_back();
    added.network = network;
    added.request = RequestId{id};
    added.posted = added.begin = at(from);
    added.end = at(to);
    for (const std::uint32_t link : links) added.links.push_back({link, 1});
    return added;
  }
};

}  // namespace calvo::analysis
