// CALVO's cost model: two straight lines, stated or fitted.
#pragma once

#include <span>
#include <vector>

#include "models/cost_model.hpp"

namespace calvo::models {

/// T_load = a1 hit + b1 over the tokens to load, 0 if there are none; T_comp = a2 new + b2.
/// Source: CALVO, arXiv 2603.21257, section 3.2: offline profile, two fits.
class LinearCost final : public CostModel {
public:
  struct Options {
    Seconds load_per_token{0};     ///< a1
    Seconds load_fixed{0};         ///< b1
    Seconds compute_per_token{0};  ///< a2
    Seconds compute_fixed{0};      ///< b2
  };

  explicit LinearCost(const Options& options) : options_(options) {}

  Seconds load(const Work& work) const override;
  Seconds compute(const Work& work) const override;
  const Options& options() const { return options_; }

private:
  Options options_;
};

/// A fit and what it leaves over: relative errors of the line at the samples.
struct LinearFit {
  LinearCost::Options options;
  double load_rms = 0;
  double load_worst = 0;
  double compute_rms = 0;
  double compute_worst = 0;
};

/// The straight lines nearest to `rich` at `samples`: least squares on relative errors, reweighted
/// (Huber, 1.345 sigma) so that a few odd samples do not turn the line. Lines never fall and never
/// start below 0. Samples without anything to load serve the compute line only.
/// Requires: two or more different load and compute sizes, computes that take time.
LinearFit fit_linear_cost(const CostModel& rich, std::span<const Work> samples);

/// The grid of a profile as CALVO's: hits of 0 to `max_context` tokens, new tokens of 16 to 4096.
std::vector<Work> profile_grid(Tokens max_context);

}  // namespace calvo::models
