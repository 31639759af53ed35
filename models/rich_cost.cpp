#include "models/rich_cost.hpp"

#include <utility>

#include "core/contract.hpp"

namespace calvo::models {

RichCost::RichCost(LoadPath path, std::shared_ptr<const ComputeModel> compute, LoadOverlap overlap)
    : path_(std::move(path)), compute_(std::move(compute)), overlap_(overlap) {
  CALVO_EXPECT(compute_ != nullptr);
  CALVO_EXPECT(path_.block_bytes.count() > 0 && path_.block_tokens.count() > 0);
}

Seconds RichCost::load(const Work& work) const {
  const auto blocks = [this](Tokens tokens) {
    return (tokens.count() + path_.block_tokens.count() - 1) / path_.block_tokens.count();
  };
  return load_time(path_, blocks(work.remote), blocks(work.host), overlap_);
}

Seconds RichCost::compute(const Work& work) const {
  return prefill_time(path_, *compute_, work.compute, work.remote + work.host + work.gpu);
}

}  // namespace calvo::models
