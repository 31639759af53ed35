#include "models/rich_cost.hpp"

#include <utility>

#include "core/contract.hpp"

namespace calvo::models {

RichCost::RichCost(LoadPath path, std::shared_ptr<const ComputeModel> compute, LoadOverlap overlap)
    : path_(std::move(path)), compute_(std::move(compute)), overlap_(overlap) {
  CALVO_EXPECT(compute_ != nullptr);
  CALVO_EXPECT(path_.block_bytes.count() > 0 && path_.block_tokens.count() > 0);
}

std::int64_t RichCost::blocks(Tokens tokens) const {
  return (tokens.count() + path_.block_tokens.count() - 1) / path_.block_tokens.count();
}

Seconds RichCost::load(const Work& work) const {
  return load_time(path_, blocks(work.remote), blocks(work.host), overlap_);
}

Seconds RichCost::network(const Work& work) const {
  const std::int64_t remote = blocks(work.remote);
  return load_time(path_, remote, 0, LoadOverlap::serial) - load_time(path_, 0, remote);
}

Seconds RichCost::compute(const Work& work) const {
  return prefill_time(path_, *compute_, work.compute, work.remote + work.host + work.gpu);
}

}  // namespace calvo::models
