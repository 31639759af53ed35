// The weights of a model that nobody has trained: a pure function of shape and seed, the same on
// every machine and device.
#pragma once

#include <cstdint>

#include "kernels/weight_fill.hpp"

namespace calvo::realrun {

/// A tensor's number is layer * 16 + kind; those of the whole model are in layer 0.
enum class TensorKind : std::uint64_t {
  embedding,
  final_norm,
  head,
  attention_norm,
  query,
  key,
  value,
  output,
  ffn_norm,
  gate,
  up,
  down,
};

/// Values of a tensor: of a matrix [depth][columns], of the embedding [vocab][hidden], of a norm
/// the differences from 1. Deviations keep activations and logits of order 1; queries and keys are
/// half as large again, so that attention looks at few positions and a wrong one shows.
/// `depth`: inputs of a matrix; embeddings and norms have none.
kernels::WeightFill tensor_fill(std::uint64_t seed, std::int32_t layer, TensorKind kind,
                                std::int64_t depth = 1);

}  // namespace calvo::realrun
