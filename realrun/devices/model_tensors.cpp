#include "realrun/devices/model_tensors.hpp"

#include <cmath>

namespace calvo::realrun {
namespace {

constexpr double sharpness = 1.5;  // of queries and of keys
constexpr double norm_deviation = 0.1;

double deviation_of(TensorKind kind, std::int64_t depth) {
  switch (kind) {
    case TensorKind::embedding:
      return 1;
    case TensorKind::final_norm:
    case TensorKind::attention_norm:
    case TensorKind::ffn_norm:
      return norm_deviation;
    case TensorKind::query:
    case TensorKind::key:
      return sharpness / std::sqrt(static_cast<double>(depth));
    default:
      return 1 / std::sqrt(static_cast<double>(depth));
  }
}

}  // namespace

kernels::WeightFill tensor_fill(std::uint64_t seed, std::int32_t layer, TensorKind kind,
                                std::int64_t depth) {
  const auto number = static_cast<std::uint64_t>(layer) * 16 + static_cast<std::uint64_t>(kind);
  return {seed, kernels::WeightTensor{number}, deviation_of(kind, depth)};
}

}  // namespace calvo::realrun
