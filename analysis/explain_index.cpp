#include "analysis/explain_index.hpp"

#include <algorithm>

namespace calvo::analysis {

ExplainIndex::ExplainIndex(const ExplainEvidence& all)
    : evidence(all), limits(limiting_links(all)) {
  std::uint32_t instances = 0;
  for (const ExplainRequest& request : evidence.requests) {
    instances = std::max(instances, request.instance + 1);
  }
  for (const ExplainTransfer& transfer : evidence.transfers) {
    instances = std::max(instances, transfer.instance + 1);
  }
  for (const ExplainStep& step : evidence.steps) instances = std::max(instances, step.instance + 1);
  transfers_of.resize(instances);
  steps_of.resize(instances);
  longest.resize(instances);
  for (std::uint32_t i = 0; i < evidence.transfers.size(); ++i) {
    const ExplainTransfer& transfer = evidence.transfers[i];
    transfers_of[transfer.instance].push_back(i);
    longest[transfer.instance] =
        std::max(longest[transfer.instance], transfer.end - transfer.posted);
  }
  for (std::uint32_t i = 0; i < evidence.steps.size(); ++i) {
    steps_of[evidence.steps[i].instance].push_back(i);
  }
  for (std::size_t i = 0; i < evidence.requests.size(); ++i) {
    index_of[raw(evidence.requests[i].id)] = i;
  }
}

const ExplainRequest* ExplainIndex::find(RequestId id) const {
  const auto found = index_of.find(raw(id));
  return found == index_of.end() ? nullptr : &evidence.requests[found->second];
}

}  // namespace calvo::analysis
