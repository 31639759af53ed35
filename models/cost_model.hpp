#pragma once

#include "core/units.hpp"

namespace calvo::models {

/// What there is to do for a request before its first token.
struct Work {
  Tokens remote;   ///< prompt tokens to load from the remote pool (network, then PCIe)
  Tokens host;     ///< prompt tokens to load from host memory (PCIe only)
  Tokens gpu;      ///< prompt tokens already in GPU memory
  Tokens compute;  ///< prompt tokens to compute, >= 1
};

/// What policies believe. Never the driver's truth: the two are separate instances, and a wrong
/// estimate is an experiment, not an error.
class CostModel {
public:
  virtual ~CostModel() = default;

  /// Time to load on an idle path (CALVO's T_load). 0 when there is nothing to load.
  virtual Seconds load(const Work& work) const = 0;
  /// Of that, what occupies the network; all of it for a model that does not know the stages.
  virtual Seconds network(const Work& work) const { return load(work); }
  /// Time to compute on an idle GPU (CALVO's T_comp).
  virtual Seconds compute(const Work& work) const = 0;
};

}  // namespace calvo::models
