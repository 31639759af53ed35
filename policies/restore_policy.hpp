#pragma once

#include <cstdint>

#include "core/units.hpp"

namespace calvo::policies {

/// A request whose prefix has just been found, and two ways to get at its KV.
struct RestoreView {
  std::int32_t hit_blocks = 0;  ///< leading blocks whose KV exists in some tier
  std::int32_t gpu_blocks = 0;  ///< of these, in GPU memory already
  Seconds load_and_compute{0};  ///< estimate: load the hits, compute the rest
  Seconds compute_all{0};       ///< estimate: compute everything that is not in GPU memory
};

/// How many leading blocks to use rather than compute. Pure.
class RestorePolicy {
public:
  virtual ~RestorePolicy() = default;
  /// Ensures: view.gpu_blocks <= result <= view.hit_blocks.
  std::int32_t use_blocks(const RestoreView& view) const;

private:
  virtual std::int32_t do_use_blocks(const RestoreView& view) const = 0;
};

/// Every hit.
class LoadAll final : public RestorePolicy {
  std::int32_t do_use_blocks(const RestoreView& view) const override;
};
/// Only what is in GPU memory already.
class RecomputeAll final : public RestorePolicy {
  std::int32_t do_use_blocks(const RestoreView& view) const override;
};
/// Every hit if that is estimated to be quicker than computing, else none.
class CheaperOfBoth final : public RestorePolicy {
  std::int32_t do_use_blocks(const RestoreView& view) const override;
};

}  // namespace calvo::policies
