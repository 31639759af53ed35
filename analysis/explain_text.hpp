// Explanations as people and programs read them.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/explain.hpp"

namespace calvo::analysis {

/// What a run is called and what its engine sorts by.
struct ExplainLabels {
  std::string run;
  std::string network_order, pcie_order, prefill_order;
};

/// One request with its pieces.
struct ExplainedRequest {
  const ExplainRequest* request = nullptr;
  std::vector<ExplainPiece> pieces;  ///< those alike that follow one another taken together
  std::vector<Decision> decisions;   ///< its own, by date
  std::vector<Decision> ahead;       ///< last ones of those that it waited for, most time first
};

/// Everything that `request` and text of it need. Requires: `index` into evidence.requests.
ExplainedRequest explained(const ExplainEvidence& evidence, const Explainer& explainer,
                           std::size_t index);

std::string to_text(const ExplainTable& table, const ExplainLabels& labels);
std::string to_text(const ExplainedRequest& request, const ExplainLabels& labels);
/// Times in seconds from whole nanoseconds; dates of a request relative to its arrival.
nlohmann::ordered_json to_json(const ExplainTable& table, const ExplainLabels& labels);
nlohmann::ordered_json to_json(const ExplainedRequest& request, const ExplainLabels& labels);

/// "busy for requests that had come before", ...
std::string_view words_for(How how, Culprit culprit);

}  // namespace calvo::analysis
