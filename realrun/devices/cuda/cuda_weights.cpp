#include "realrun/devices/cuda/cuda_weights.hpp"

#include "core/contract.hpp"
#include "kernels/gpu/weight_fill.hpp"
#include "realrun/devices/cuda/memory_plan.hpp"
#include "realrun/devices/model_tensors.hpp"

namespace calvo::realrun {
namespace {

using kernels::Bf16;
using Kind = TensorKind;

/// Gives out parts of one piece of memory in the order in which they are made, and fills them.
class Maker {
public:
  Maker(const DeviceMemory& memory, std::uint64_t seed, const CudaStream& stream)
      : memory_(memory), seed_(seed), stream_(stream) {}

  void in_layer(std::int32_t layer) { layer_ = layer; }

  float* norm(Kind kind, std::int64_t width) {
    auto* out = take<float>(width);
    kernels::gpu::fill_vector(
        {.fill = tensor_fill(seed_, layer_, kind), .out = out, .count = width, .offset = 1},
        stream_.get());
    return out;
  }
  Bf16* matrix(std::int64_t depth, std::int64_t columns) { return take<Bf16>(depth * columns); }
  /// Columns of a matrix from `first` on, from a tensor [depth][columns] of their own.
  void fill(Bf16* matrix, std::int64_t first, Kind kind, std::int64_t depth,
            std::int64_t columns) const {
    kernels::gpu::fill_matrix({.fill = tensor_fill(seed_, layer_, kind, depth),
                               .out = matrix + first * depth,
                               .rows = depth,
                               .columns = columns,
                               .row_stride = 1,
                               .column_stride = depth},
                              stream_.get());
  }
  Bf16* filled(Kind kind, std::int64_t depth, std::int64_t columns) {
    Bf16* out = matrix(depth, columns);
    fill(out, 0, kind, depth, columns);
    return out;
  }
  /// Rows are found by number.
  Bf16* table(Kind kind, std::int64_t rows, std::int64_t width) {
    Bf16* out = take<Bf16>(rows * width);
    kernels::gpu::fill_matrix({.fill = tensor_fill(seed_, layer_, kind),
                               .out = out,
                               .rows = rows,
                               .columns = width,
                               .row_stride = width,
                               .column_stride = 1},
                              stream_.get());
    return out;
  }
  bool all_taken() const { return arena_.bytes() == memory_.bytes(); }

private:
  template <class T>
  T* take(std::int64_t count) {
    const std::int64_t begin = arena_.add(count * static_cast<std::int64_t>(sizeof(T)));
    CALVO_EXPECT(arena_.bytes() <= memory_.bytes());
    return memory_.at<T>(begin);
  }

  const DeviceMemory& memory_;
  Arena arena_;
  std::uint64_t seed_;
  const CudaStream& stream_;
  std::int32_t layer_ = 0;
};

}  // namespace

CudaWeights::CudaWeights(const models::ModelShape& shape, std::uint64_t seed,
                         const CudaStream& stream)
    : memory_(gpu_weight_bytes(shape)) {
  const std::int64_t q = query_values(shape);
  const std::int64_t kv = kv_values(shape);
  const std::int64_t hidden = shape.hidden;
  const std::int64_t ffn = shape.dense_ffn;
  Maker make(memory_, seed, stream);
  embedding = make.table(Kind::embedding, shape.vocab, hidden);
  final_norm = make.norm(Kind::final_norm, hidden);
  Bf16* logits = make.matrix(hidden, logits_stride(shape));
  make.fill(logits, 0, Kind::head, hidden, shape.vocab);
  const std::int64_t rest = logits_stride(shape) - shape.vocab;
  cuda_check(cudaMemsetAsync(logits + shape.vocab * hidden, 0,
                             static_cast<std::size_t>(rest * hidden) * sizeof(Bf16), stream.get()),
             "cudaMemset");
  head = logits;
  for (std::int32_t l = 0; l < shape.layers; ++l) {
    make.in_layer(l);
    CudaLayerWeights& layer = layers.emplace_back();
    layer.attention_norm = make.norm(Kind::attention_norm, hidden);
    Bf16* qkv = make.matrix(hidden, q + 2 * kv);
    make.fill(qkv, 0, Kind::query, hidden, q);
    make.fill(qkv, q, Kind::key, hidden, kv);
    make.fill(qkv, q + kv, Kind::value, hidden, kv);
    layer.qkv = qkv;
    layer.output = make.filled(Kind::output, q, hidden);
    layer.ffn_norm = make.norm(Kind::ffn_norm, hidden);
    Bf16* gate_up = make.matrix(hidden, 2 * ffn);
    make.fill(gate_up, 0, Kind::gate, hidden, ffn);
    make.fill(gate_up, ffn, Kind::up, hidden, ffn);
    layer.gate_up = gate_up;
    layer.down = make.filled(Kind::down, ffn, hidden);
  }
  CALVO_ENSURE(make.all_taken());
}

}  // namespace calvo::realrun
