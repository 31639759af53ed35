#include "realrun/devices/host_weights.hpp"

#include "realrun/devices/model_tensors.hpp"

namespace calvo::realrun {
namespace {

using kernels::PanelMatrix;
using kernels::WeightFill;
using Kind = TensorKind;

class Filler {
public:
  Filler(std::uint64_t seed, std::int32_t layer) : seed_(seed), layer_(layer) {}

  std::vector<float> norm(Kind kind, std::int64_t width) const {
    std::vector<float> weights = values(kind, width);
    for (float& weight : weights) weight += 1;
    return weights;
  }
  std::vector<float> values(Kind kind, std::int64_t count) const {
    const WeightFill fill = tensor_fill(seed_, layer_, kind);
    std::vector<float> weights(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = fill(i);
    return weights;
  }
  /// A matrix [depth][columns] of its own, into columns of `into` from `first` on.
  void columns(Kind kind, PanelMatrix& into, std::int64_t first, std::int64_t count) const {
    const WeightFill fill = tensor_fill(seed_, layer_, kind, into.depth());
    std::uint64_t index = 0;
    for (std::int64_t row = 0; row < into.depth(); ++row) {
      for (std::int64_t column = first; column < first + count; ++column) {
        into.at(row, column) = fill(index++);
      }
    }
  }
  PanelMatrix matrix(Kind kind, std::int64_t depth, std::int64_t count) const {
    PanelMatrix result(depth, count);
    columns(kind, result, 0, count);
    return result;
  }

private:
  std::uint64_t seed_;
  std::int32_t layer_;
};

}  // namespace

HostWeights::HostWeights(const models::ModelShape& shape, std::uint64_t seed) {
  const std::int64_t q = std::int64_t{shape.q_heads} * shape.head_dim;
  const std::int64_t kv = std::int64_t{shape.kv_heads} * shape.head_dim;
  const std::int64_t hidden = shape.hidden;
  const std::int64_t ffn = shape.dense_ffn;
  const Filler whole(seed, 0);
  embedding = whole.values(Kind::embedding, shape.vocab * hidden);
  final_norm = whole.norm(Kind::final_norm, hidden);
  head = whole.matrix(Kind::head, hidden, shape.vocab);
  for (std::int32_t l = 0; l < shape.layers; ++l) {
    const Filler filler(seed, l);
    HostLayerWeights& layer = layers.emplace_back();
    layer.attention_norm = filler.norm(Kind::attention_norm, hidden);
    layer.qkv = PanelMatrix(hidden, q + 2 * kv);
    filler.columns(Kind::query, layer.qkv, 0, q);
    filler.columns(Kind::key, layer.qkv, q, kv);
    filler.columns(Kind::value, layer.qkv, q + kv, kv);
    layer.output = filler.matrix(Kind::output, q, hidden);
    layer.ffn_norm = filler.norm(Kind::ffn_norm, hidden);
    layer.gate_up = PanelMatrix(hidden, 2 * ffn);
    filler.columns(Kind::gate, layer.gate_up, 0, ffn);
    filler.columns(Kind::up, layer.gate_up, ffn, ffn);
    layer.down = filler.matrix(Kind::down, ffn, hidden);
  }
}

std::int64_t host_weight_bytes(const models::ModelShape& shape) {
  const std::int64_t q = std::int64_t{shape.q_heads} * shape.head_dim;
  const std::int64_t kv = std::int64_t{shape.kv_heads} * shape.head_dim;
  const std::int64_t layer = 2LL * shape.hidden * (q + kv) + 3LL * shape.hidden * shape.dense_ffn;
  return 4 * (shape.layers * layer + 2LL * shape.hidden * shape.vocab);
}

}  // namespace calvo::realrun
