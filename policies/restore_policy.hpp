#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/units.hpp"

namespace calvo::policies {

/// One way to get at a request's KV.
struct RestoreOption {
  std::int32_t blocks = 0;  ///< leading hits that are used; the rest of the prompt is computed
  Seconds load{0};          ///< estimate: to load those that are not in GPU memory
  Seconds compute{0};       ///< estimate: of the rest
};

/// A request whose prefix has just been found, and the ways to get at its KV.
struct RestoreView {
  std::int32_t hit_blocks = 0;  ///< leading blocks whose KV exists in some tier
  std::int32_t gpu_blocks = 0;  ///< of these, in GPU memory already
  /// By `blocks`, ascending: gpu_blocks first, hit_blocks last, and for policies that want more
  /// than these two, some in between. Never empty; one if the two are the same.
  std::span<const RestoreOption> options;
  Seconds load_queue{0};     ///< estimate: work outstanding for the busier of the loading stages
  Seconds compute_queue{0};  ///< estimate: prefill outstanding
};

/// How many leading blocks to use rather than compute. Pure.
class RestorePolicy {
public:
  virtual ~RestorePolicy() = default;
  /// Ensures: the result is one of the options.
  RestoreOption choose(const RestoreView& view) const;
  /// Whether it needs options between the two ends, and the queues.
  virtual bool wants_more() const { return false; }

private:
  virtual std::size_t do_choose(const RestoreView& view) const = 0;
};

/// Every hit.
class LoadAll final : public RestorePolicy {
  std::size_t do_choose(const RestoreView& view) const override;
};
/// Only what is in GPU memory already.
class RecomputeAll final : public RestorePolicy {
  std::size_t do_choose(const RestoreView& view) const override;
};
/// Every hit if that is estimated to be quicker than computing, else none.
class CheaperOfBoth final : public RestorePolicy {
  std::size_t do_choose(const RestoreView& view) const override;
};
/// The option that gives the first token soonest if the request joins both queues: it loads behind
/// what is to be loaded, while the GPU works off what is to be computed, and computes behind both;
/// the most blocks of equals. Where loading is the quicker way and its queue the longer, it
/// computes; where the GPU is busy for long, it loads as much as that leaves time for. That a part
/// is a leading part, loaded before the rest is computed, is ours: Cake (arXiv 2410.03065) and
/// CacheFlow (arXiv 2604.25080) compute the front of a request while they load its back.
class Soonest final : public RestorePolicy {
public:
  bool wants_more() const override { return true; }

private:
  std::size_t do_choose(const RestoreView& view) const override;
};

}  // namespace calvo::policies
