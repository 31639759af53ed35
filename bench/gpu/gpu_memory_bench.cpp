// Kernels whose bound is memory traffic, against the fastest copy within the device (argmax:
// against a streaming read) of the same run: target 85 %. G_per_s is GB/s, read and written. Shapes
// of a model with 8 billion parameters.
#include <numeric>
#include <optional>

#include "bench/gpu/measure.hpp"
#include "core/random.hpp"
#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/elementwise.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/rope.hpp"

namespace calvo::bench {
namespace {

using namespace kernels::gpu;
using kernels::Bf16;

constexpr double target = 0.85;
constexpr std::int64_t hidden = 4096;
constexpr std::int64_t ffn = 14336;
constexpr std::int32_t q_heads = 32, kv_heads = 8, dim = 128;

std::vector<std::int32_t> shuffled(std::int64_t count) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  Random random(2);
  for (std::size_t i = result.size(); i > 1; --i) std::swap(result[i - 1], result[random.below(i)]);
  return result;
}

/// Blocks of 16 tokens, 32 layers: 2 MiB each; `layers` of them.
void kv_copy(benchmark::State& state, bool to_pages, bool checksums) {
  const kernels::KvLayout layout{32, 16, kv_heads, dim};
  constexpr std::int64_t blocks = 256;
  const std::int64_t page = 2 * layout.page_values();
  const PageRange range = layer_range(layout, 0, static_cast<std::int32_t>(state.range(0)));
  const int rotations = rotation(blocks * range.size.count());
  const DeviceMemory pool(blocks * page), staging(blocks * range.size.count());
  const DeviceArray<std::int32_t> table(shuffled(blocks));
  const DeviceMemory sums(blocks * 8);
  report(
      state,
      [&](int, cudaStream_t stream) {
        const KvCopy args{.pool = pool.data(),
                          .table = table.data(),
                          .staging = staging.data(),
                          .checksums = checksums ? sums.as<std::uint64_t>() : nullptr,
                          .blocks = blocks,
                          .page_size = Bytes{page},
                          .staging_stride = range.size,
                          .range = range};
        to_pages ? kv_scatter(args, stream) : kv_gather(args, stream);
      },
      rotations, 2.0 * blocks * static_cast<double>(range.size.count()), copy_bandwidth(), target);
}
BENCHMARK_CAPTURE(kv_copy, scatter, true, false)->Arg(32)->UseManualTime()->Iterations(1);
BENCHMARK_CAPTURE(kv_copy, scatter_checksums, true, true)->Arg(32)->UseManualTime()->Iterations(1);
BENCHMARK_CAPTURE(kv_copy, gather, false, false)->Arg(32)->UseManualTime()->Iterations(1);
BENCHMARK_CAPTURE(kv_copy, gather_checksums, false, true)->Arg(32)->UseManualTime()->Iterations(1);

/// Inputs and outputs of `bytes` per rotation, the inputs in one piece of memory.
struct Rotating {
  int rotations;
  std::int64_t in_bytes, out_bytes;
  DeviceMemory in, out;

  Rotating(std::int64_t in_each, std::int64_t out_each)
      : rotations(rotation(in_each + out_each)),
        in_bytes(in_each),
        out_bytes(out_each),
        in(in_each * rotations),
        out(out_each * rotations) {}
  Bf16* from(int i) const { return in.as<Bf16>(i * in_bytes); }
  Bf16* to(int i) const { return out.as<Bf16>(i * out_bytes); }
};

void rms_norm_of_rows(benchmark::State& state) {
  const std::int64_t rows = state.range(0);
  const std::int64_t bytes = 2 * rows * hidden;
  const Rotating data(2 * bytes, bytes);
  const DeviceMemory weight(4 * hidden);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        rms_norm({.x = data.from(i),
                  .residual = data.from(i) + rows * hidden,
                  .weight = weight.as<float>(),
                  .y = data.to(i),
                  .rows = rows,
                  .width = hidden},
                 stream);
      },
      data.rotations, 4.0 * static_cast<double>(bytes), copy_bandwidth(), target);
}
BENCHMARK(rms_norm_of_rows)->ArgName("rows")->Arg(1024)->Arg(8192)->UseManualTime()->Iterations(1);

void swiglu_of_rows(benchmark::State& state) {
  const std::int64_t rows = state.range(0);
  const Rotating data(4 * rows * ffn, 2 * rows * ffn);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        swiglu({.gate_up = data.from(i), .out = data.to(i), .rows = rows, .width = ffn}, stream);
      },
      data.rotations, 6.0 * static_cast<double>(rows * ffn), copy_bandwidth(), target);
}
BENCHMARK(swiglu_of_rows)->ArgName("rows")->Arg(1024)->Arg(8192)->UseManualTime()->Iterations(1);

void embedding_of_rows(benchmark::State& state) {
  constexpr std::int64_t vocab = 128256;
  const std::int64_t rows = state.range(0);
  const Rotating data(2 * vocab * hidden / 2, 2 * rows * hidden);
  std::vector<std::int32_t> tokens = shuffled(vocab);
  tokens.resize(static_cast<std::size_t>(rows));
  const DeviceArray<std::int32_t> ids(tokens);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        embedding({.table = data.in.as<Bf16>(),
                   .tokens = ids.data(),
                   .out = data.to(i),
                   .rows = rows,
                   .width = hidden},
                  stream);
      },
      data.rotations, 4.0 * static_cast<double>(rows * hidden), copy_bandwidth(), target);
}
BENCHMARK(embedding_of_rows)->ArgName("rows")->Arg(8192)->UseManualTime()->Iterations(1);

void rope_kv_write_of_rows(benchmark::State& state) {
  const auto rows = static_cast<std::int32_t>(state.range(0));
  constexpr std::int64_t stride = (q_heads + 2 * kv_heads) * dim;
  const kernels::KvLayout layout{1, 16, kv_heads, dim};
  const Rotating data(2 * rows * stride, 2 * layout.page_values() * (rows / 16));
  const DeviceMemory table(std::int64_t{4} * rows * dim);
  const DeviceArray<std::int32_t> begin(std::vector<std::int32_t>{0, rows});
  const DeviceArray<std::int32_t> zeros(std::vector<std::int32_t>(state.range(0), 0));
  const DeviceArray<std::int32_t> pages(shuffled(rows / 16));
  report(
      state,
      [&](int i, cudaStream_t stream) {
        rope_kv_write({.qkv = data.from(i),
                       .stride = stride,
                       .table = table.as<float>(),
                       .batch = {1, rows, begin.data(), zeros.data(), zeros.data(), zeros.data(),
                                 pages.data()},
                       .q_heads = q_heads,
                       .kv = {data.to(i), layout, 0}},
                      stream);
      },
      data.rotations, 4.0 * rows * stride, copy_bandwidth(), target);
}
BENCHMARK(rope_kv_write_of_rows)
    ->ArgName("rows")
    ->Arg(1024)
    ->Arg(8192)
    ->UseManualTime()
    ->Iterations(1);

void merge_of_two(benchmark::State& state) {
  const std::int64_t rows = state.range(0) * q_heads;
  const Rotating data(2 * 2 * rows * dim, 2 * rows * dim);
  const DeviceMemory lse(2 * 4 * rows);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        lse_merge({.parts = data.from(i),
                   .part_lse = lse.as<float>(),
                   .count = 2,
                   .out = data.to(i),
                   .rows = rows,
                   .width = dim},
                  stream);
      },
      data.rotations, 6.0 * static_cast<double>(rows * dim), copy_bandwidth(), target);
}
BENCHMARK(merge_of_two)->ArgName("tokens")->Arg(1024)->Arg(8192)->UseManualTime()->Iterations(1);

void argmax_of_rows(benchmark::State& state) {
  constexpr std::int64_t full_rows =
      132;  // one thread block each: fewer leave multiprocessors idle
  constexpr std::int64_t vocab = 128256;
  const std::int64_t rows = state.range(0);
  const Rotating data(4 * rows * vocab, 64 * rows);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        argmax({.values = reinterpret_cast<const float*>(data.from(i)),
                .stride = vocab,
                .best = reinterpret_cast<std::int32_t*>(data.to(i)),
                .rows = rows,
                .width = vocab},
               stream);
      },
      data.rotations, 4.0 * static_cast<double>(rows * vocab), read_bandwidth(),
      rows >= full_rows ? std::optional(target) : std::nullopt);
}
BENCHMARK(argmax_of_rows)->ArgName("rows")->Arg(1)->Arg(256)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace calvo::bench
