#pragma once

#include "core/units.hpp"

namespace calvo::policies {

/// What an order may know of a request: facts and estimates of the moment its prefix was found.
struct RequestView {
  Instant arrival{};
  Instant deadline = never;  ///< date by which the first token is due; `never`: none
  Tokens input;              ///< whole prompt
  Tokens cached;             ///< prompt tokens whose KV exists in some tier
  Tokens new_tokens;         ///< input - cached
  Seconds load{0};           ///< estimate: time to load `cached` on an idle path
  Seconds compute{0};        ///< estimate: time to compute `new_tokens` on an idle GPU
  // Only for orders that want stages:
  Seconds copy{0};        ///< estimate: of `load`, what the copies to the GPU take by themselves
  Seconds bottleneck{0};  ///< estimate: its time on the stage that most work is outstanding for
};

/// Which request goes first in a stage.
///
/// A pure function of the view, computed once when the prefix of the request is known: no clock,
/// no randomness, no memory. Ageing is linear in the time waited, so that two keys never change
/// their order while both wait: `key - ageing * waited` sorts as `key + ageing * arrival`.
class OrderPolicy {
public:
  /// `ageing`: key units (seconds or tokens) that a second of waiting is worth. Requires: >= 0.
  explicit OrderPolicy(double ageing);
  virtual ~OrderPolicy() = default;

  /// Smaller goes first; equal keys go in order of arrival. Never NaN.
  double key(const RequestView& view) const;
  /// Whether `copy` and `bottleneck` must be filled in.
  virtual bool wants_stages() const { return false; }

private:
  virtual double do_key(const RequestView& view) const = 0;

  double ageing_;
};

}  // namespace calvo::policies
