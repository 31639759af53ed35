// Estimates that are wrong on purpose: what a policy is worth if its cost model errs.
#pragma once

#include <cstdint>
#include <memory>

#include "models/cost_model.hpp"

namespace calvo::models {

/// Random numbers in the place of estimates: each Work gets its own, uniform in (0, scale], which
/// has nothing to do with what there is to load or compute. The same seed gives the same numbers.
class ScrambledCost final : public CostModel {
public:
  /// Requires: scale > 0.
  explicit ScrambledCost(std::uint64_t seed, Seconds scale = Seconds{1});

  Seconds load(const Work& work) const override;  ///< 0 when there is nothing to load
  Seconds compute(const Work& work) const override;

private:
  std::uint64_t seed_;
  Seconds scale_;
};

/// Another model's estimates times bias * exp(spread * N(0, 1)), load and compute apart, a factor
/// of its own for each Work that stays the same for the same seed.
class PerturbedCost final : public CostModel {
public:
  struct Options {
    double bias = 1;    ///< > 0
    double spread = 0;  ///< >= 0; standard deviation of the logarithm
    std::uint64_t seed = 1;
  };

  /// Requires: base is not null.
  PerturbedCost(std::shared_ptr<const CostModel> base, const Options& options);

  Seconds load(const Work& work) const override;
  Seconds network(const Work& work) const override;
  Seconds compute(const Work& work) const override;

private:
  double factor(const Work& work, std::uint64_t what) const;

  std::shared_ptr<const CostModel> base_;
  Options options_;
};

}  // namespace calvo::models
