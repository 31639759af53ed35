#pragma once

#include <cstdint>

#include "models/compute_model.hpp"

namespace calvo::models {

/// Iterations by straight lines, for scenarios that state numbers (CALVO's T_comp = a2 new + b2).
///
/// A step with prompt parts of n_i tokens over c_i of context and b decodes over C tokens takes
///
///   max(prefill_fixed, decode_fixed) + sum_i (n_i per_token + n_i (c_i + n_i / 2) per_pair)
///       + b per_sequence + C per_context_token
///
/// where the fixed term of a kind of work counts only if the step has such work.
class LinearComputeModel final : public ComputeModel {
public:
  struct Options {
    Seconds prefill_fixed{0};      ///< b2
    Seconds per_token{0};          ///< a2
    Seconds per_pair{0};           ///< attention, a pair of a query and a key
    Seconds decode_fixed{0};       ///< c0
    Seconds per_sequence{0};       ///< c1
    Seconds per_context_token{0};  ///< c2
    std::int32_t layers = 32;
  };

  /// Requires: no negative time; prompts and decodes take more than 0; layers >= 1.
  explicit LinearComputeModel(const Options& options);

  StepTime step(const StepShape& shape) const override;
  std::int32_t layers() const override { return options_.layers; }
  const Options& options() const { return options_; }

private:
  Options options_;
};

}  // namespace calvo::models
