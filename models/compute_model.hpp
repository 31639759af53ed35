#pragma once

#include <cstdint>
#include <span>

#include "core/units.hpp"

namespace calvo::models {

/// `new_tokens` of one prompt that a step computes on top of `context` tokens whose KV exists.
struct PrefillPart {
  Tokens new_tokens;
  Tokens context;
};

/// One iteration of a GPU (or tensor-parallel group): prefill parts and one token for each of
/// `decodes` sequences whose contexts add up to `decode_context`.
struct StepShape {
  std::span<const PrefillPart> prefills;
  std::int64_t decodes = 0;
  Tokens decode_context;
};

/// Duration of an iteration, and of those after it while the batch stays the same: iteration i
/// (from 0) takes `first + i * growth`, for i < `valid`. After that, ask again.
struct StepTime {
  Seconds first{0};
  Seconds growth{0};
  std::int64_t valid = 1;
};

/// Time that a step's kernels take on an otherwise idle GPU, without the engine's own overheads.
/// Pure and deterministic. Every iteration of a leap over `valid` iterations must take what `step`
/// would say for it alone, to 0.1 ns: a leap is a sum, never another model.
class ComputeModel {
public:
  virtual ~ComputeModel() = default;

  /// Requires: at least one prefill token or one decode.
  virtual StepTime step(const StepShape& shape) const = 0;
  /// Layers of the model: the recurrence of layer-wise loading needs it.
  virtual std::int32_t layers() const = 0;

  /// Time to prefill `new_tokens` over `context` alone.
  Seconds prefill(Tokens new_tokens, Tokens context) const {
    const PrefillPart part{new_tokens, context};
    return step({{&part, 1}, 0, Tokens{0}}).first;
  }
};

}  // namespace calvo::models
