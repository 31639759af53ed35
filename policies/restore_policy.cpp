#include "policies/restore_policy.hpp"

#include "core/contract.hpp"

namespace calvo::policies {

std::int32_t RestorePolicy::use_blocks(const RestoreView& view) const {
  const std::int32_t blocks = do_use_blocks(view);
  CALVO_ENSURE(view.gpu_blocks <= blocks && blocks <= view.hit_blocks);
  return blocks;
}

std::int32_t LoadAll::do_use_blocks(const RestoreView& view) const {
  return view.hit_blocks;
}

std::int32_t RecomputeAll::do_use_blocks(const RestoreView& view) const {
  return view.gpu_blocks;
}

std::int32_t CheaperOfBoth::do_use_blocks(const RestoreView& view) const {
  return view.load_and_compute <= view.compute_all ? view.hit_blocks : view.gpu_blocks;
}

}  // namespace calvo::policies
