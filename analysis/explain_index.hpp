// What is looked up in the evidence of a run, again and again.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "analysis/explain_evidence.hpp"

namespace calvo::analysis {

/// From when until when these links limited a transfer.
struct LimitSpan {
  Instant from{}, to{};
  std::vector<std::uint32_t> links;  ///< ascending; several: alike
  double share = 1;                  ///< of the rate that it would have had alone
  std::vector<RequestId> beside;     ///< requests with other transfers on these links, ascending

  friend bool operator==(const LimitSpan&, const LimitSpan&) = default;
};

/// For each transfer, what limited it while it flowed, by date: the links that max-min fair sharing
/// between all transfers in flight would have filled first, or those of `cap_links`.
/// Source: Bertsekas and Gallager, Data Networks (2nd ed., 1992), section 6.5.2.
std::vector<std::vector<LimitSpan>> limiting_links(const ExplainEvidence& evidence);

/// Borrows the evidence.
struct ExplainIndex {
  explicit ExplainIndex(const ExplainEvidence& evidence);

  /// Null if the log does not know it.
  const ExplainRequest* find(RequestId id) const;

  const ExplainEvidence& evidence;
  std::vector<std::vector<LimitSpan>> limits;               ///< by transfer
  std::vector<std::vector<std::uint32_t>> transfers_of;     ///< by instance, by date
  std::vector<std::vector<std::uint32_t>> steps_of;         ///< by instance, by date
  std::vector<Nanoseconds> longest;                         ///< of its transfers, by instance
  std::unordered_map<std::uint64_t, std::size_t> index_of;  ///< of a request, by id
};

}  // namespace calvo::analysis
