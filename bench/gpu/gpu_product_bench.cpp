// The device's products, by the algorithm that it keeps for a bucket of rows, against the fastest
// of all that cuBLASLt proposes for the very shape: target 90 %. Shapes of a model with 8 billion
// parameters, each row count in another bucket, some of them its largest and some not. G_per_s is
// GFLOP/s.
#include <algorithm>
#include <deque>

#include "bench/gpu/measure.hpp"
#include "bench/gpu/products.hpp"
#include "realrun/devices/cuda/gemm_choice.hpp"

namespace calvo::bench {
namespace {

using kernels::Bf16;

constexpr double target = 0.9;
constexpr std::size_t tuned_with = 4;  // layers, as the device does

struct Shape {
  std::int64_t columns, depth;
  bool to_float = false;
};
constexpr Shape qkv{6144, 4096}, output{4096, 4096}, gate_up{28672, 4096}, down{4096, 14336},
    head{128256, 4096, true};

void product(benchmark::State& state, const Shape& shape) {
  const std::int64_t rows = state.range(0);
  const std::int64_t bucket = realrun::row_bucket(rows);
  const std::int64_t weight_bytes = 2 * shape.columns * shape.depth;
  const int rotations = rotation(weight_bytes);
  const DeviceMemory x(2 * bucket * shape.depth);
  const DeviceMemory y((shape.to_float ? 4 : 2) * bucket * shape.columns);
  std::deque<DeviceMemory> matrices;
  std::vector<const Bf16*> weights;
  for (int i = 0; i < rotations; ++i) {
    weights.push_back(matrices.emplace_back(weight_bytes).as<Bf16>());
  }
  realrun::Gemm args{x.as<Bf16>(),  nullptr,     y.data(),      bucket,
                     shape.columns, shape.depth, shape.to_float};
  realrun::CudaGemm gemm;
  gemm.tune(args, std::span(weights).first(std::min(tuned_with, weights.size())),
            realrun::CudaStream());
  args.rows = rows;
  const BestProduct best = best_product(gemm, args, weights);
  const double operations = 2.0 * static_cast<double>(rows * shape.columns * shape.depth);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        realrun::Gemm one = args;
        one.w = weights[static_cast<std::size_t>(i)];
        gemm.multiply(one, stream);
      },
      rotations, operations, {operations / best.seconds, "bound by cuBLASLt, this shape"}, target);
  state.counters["algorithms"] = best.algorithms;
}

void rows_of_steps(benchmark::internal::Benchmark* it) {
  it->ArgName("rows")->UseManualTime()->Iterations(1);
  for (const std::int64_t rows : {1, 17, 128, 1000, 8192}) it->Arg(rows);
}
void rows_of_results(benchmark::internal::Benchmark* it) {
  it->ArgName("rows")->UseManualTime()->Iterations(1);
  for (const std::int64_t rows : {1, 50, 256}) it->Arg(rows);
}
BENCHMARK_CAPTURE(product, qkv, qkv)->Apply(rows_of_steps);
BENCHMARK_CAPTURE(product, output, output)->Apply(rows_of_steps);
BENCHMARK_CAPTURE(product, gate_up, gate_up)->Apply(rows_of_steps);
BENCHMARK_CAPTURE(product, down, down)->Apply(rows_of_steps);
BENCHMARK_CAPTURE(product, head, head)->Apply(rows_of_results);

}  // namespace
}  // namespace calvo::bench
