#pragma once

#include <memory>

#include "models/cost_model.hpp"
#include "models/isolated.hpp"

namespace calvo::models {

/// The costs of an idle path and GPU by the laws of their parts: load_time() over the path, with
/// the stages as the engine couples them, and prefill_time() over everything that is cached. The
/// lookup is not part of it: policies ask when it has answered.
class RichCost final : public CostModel {
public:
  /// Requires: compute is not null; path.block_bytes > 0.
  RichCost(LoadPath path, std::shared_ptr<const ComputeModel> compute, LoadOverlap overlap);

  Seconds load(const Work& work) const override;
  Seconds network(const Work& work) const override;
  Seconds compute(const Work& work) const override;
  const LoadPath& path() const { return path_; }

private:
  std::int64_t blocks(Tokens tokens) const;

  LoadPath path_;
  std::shared_ptr<const ComputeModel> compute_;
  LoadOverlap overlap_;
};

}  // namespace calvo::models
