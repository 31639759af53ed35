#include "policies/restore_policy.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::policies {

RestoreOption RestorePolicy::choose(const RestoreView& view) const {
  CALVO_EXPECT(!view.options.empty());
  CALVO_EXPECT(view.options.front().blocks == view.gpu_blocks);
  CALVO_EXPECT(view.options.back().blocks == view.hit_blocks);
  const std::size_t chosen = do_choose(view);
  CALVO_ENSURE(chosen < view.options.size());
  return view.options[chosen];
}

std::size_t LoadAll::do_choose(const RestoreView& view) const {
  return view.options.size() - 1;
}

std::size_t RecomputeAll::do_choose(const RestoreView& /*view*/) const {
  return 0;
}

std::size_t CheaperOfBoth::do_choose(const RestoreView& view) const {
  const RestoreOption& all = view.options.back();
  const RestoreOption& none = view.options.front();
  return all.load + all.compute <= none.load + none.compute ? view.options.size() - 1 : 0;
}

std::size_t Soonest::do_choose(const RestoreView& view) const {
  const auto end = [&](const RestoreOption& option) {
    const Seconds loaded = option.load > Seconds{0} ? view.load_queue + option.load : Seconds{0};
    return std::max(loaded, view.compute_queue) + option.compute;
  };
  std::size_t best = view.options.size() - 1;
  for (std::size_t i = best; i-- > 0;) {
    if (end(view.options[i]) < end(view.options[best])) best = i;
  }
  return best;
}

}  // namespace calvo::policies
