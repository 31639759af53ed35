// What a request waits for while steps are formed and computed.
#pragma once

#include <functional>
#include <vector>

#include "analysis/explain_transfers.hpp"

namespace calvo::analysis {

/// Adds pieces for [from, to), in which the request waits for what the function says.
class StepCauses {
public:
  /// All outlive it.
  StepCauses(const ExplainIndex& index, PieceList& pieces, TransferCauses& transfers)
      : index_(index), request_(pieces.request()), pieces_(pieces), transfers_(transfers) {}

  /// GPU memory, which those have that run.
  void gpu_memory(Instant from, Instant to);
  /// A step, or something in it. `ready`: since when it has waited for steps without a break.
  void wait(Waiting why, Instant ready, Instant from, Instant to);

private:
  using Use = std::function<void(Instant, Instant, const ExplainStep*)>;

  /// Calls use(from, to, step or null) for the parts of [from, to).
  void each_step(Instant from, Instant to, const Use& use) const;
  void in_step(Waiting why, Instant ready, const ExplainStep& step, Instant from, Instant to);
  /// Nothing is under way for the step: the memory that its first member in this plight waits for.
  void memory_of_members(const std::vector<RequestId>& members, Instant from, Instant to);
  std::vector<RequestId> without_self(std::vector<RequestId> list) const;

  const ExplainIndex& index_;
  const ExplainRequest& request_;
  PieceList& pieces_;
  TransferCauses& transfers_;
};

}  // namespace calvo::analysis
