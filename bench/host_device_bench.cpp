// How near the host device comes to what this machine's memory and arithmetic give.
// Targets: copies at 90 % of a bare memcpy of the same bytes in the same run (counter
// `of_memcpy`; `of_memcpy_cpu` is the same in CPU time, for machines that others use as well);
// products at least as fast as those of Eigen in the same build (`of_eigen`),
// although they keep one order of summing. (Eigen computes for any x86-64 here; ours looks for
// AVX2.) Steps have no bound but the products': `tokens` and `gflops` are for whoever chooses a
// scenario.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <numeric>
#include <vector>

#include <Eigen/Core>
#include <benchmark/benchmark.h>
#include <poll.h>

#include "core/random.hpp"
#include "kernels/matmul.hpp"
#include "models/model_shape.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {
namespace {

using Clock = std::chrono::steady_clock;

models::ModelShape laptop_4l() {
  models::ModelShape shape;
  shape.name = "laptop-4L";
  shape.layers = shape.dense_layers = 4;
  shape.hidden = 128;
  shape.q_heads = 4;
  shape.kv_heads = 2;
  shape.head_dim = 32;
  shape.dense_ffn = 256;
  shape.vocab = 512;
  return shape;
}

DeviceOptions options_of(std::int32_t block_tokens, std::int64_t bytes) {
  DeviceOptions options;
  options.shape = laptop_4l();
  options.block_tokens = block_tokens;
  options.pages = bytes / page_bytes(options);
  options.host_bytes = bytes;
  return options;
}

/// CPU time of all threads of this process.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void copy_stage(benchmark::State& state) {
  constexpr std::int64_t bytes = 128 << 20;  // beyond the caches
  const DeviceOptions options = options_of(static_cast<std::int32_t>(state.range(0)), bytes);
  const auto device = realrun::device("host").make(options);
  std::byte* host = device->host_memory().data();
  DeviceOptions other = options_of(16, 2 * bytes);  // the same kind of memory
  other.pages = 1;
  const auto memory = realrun::device("host").make(other);
  std::byte* from = memory->host_memory().data();
  CopyJob job;
  for (std::int32_t page = 0; page < options.pages; ++page) {
    job.blocks.push_back({page, host + page * page_bytes(options)});
  }
  std::vector<std::uint64_t> done;
  double copying = 0;
  double bare = 0;
  double cpu_copying = 0;
  double cpu_bare = 0;
  for (auto _ : state) {
    const double cpu_start = cpu_seconds();
    const auto start = Clock::now();
    device->copies().post(job);
    done.clear();
    while (done.empty()) {
      pollfd ready{device->copies().wait_fd(), POLLIN, 0};
      ::poll(&ready, 1, 1000);
      device->copies().poll(done);
    }
    const double taken = seconds_since(start);
    copying += taken;
    state.SetIterationTime(taken);
    const double cpu_begin = cpu_seconds();
    cpu_copying += cpu_begin - cpu_start;
    const auto begin = Clock::now();
    std::memcpy(from + bytes, from, bytes);  // one call: what nobody can beat
    benchmark::ClobberMemory();
    bare += seconds_since(begin);
    cpu_bare += cpu_seconds() - cpu_begin;
  }
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["of_memcpy"] = bare / copying;
  state.counters["of_memcpy_cpu"] = cpu_bare / cpu_copying;
}
BENCHMARK(copy_stage)->ArgName("block_tokens")->Arg(16)->Arg(256)->UseManualTime();

double step_operations(const models::ModelShape& shape, double tokens, double context) {
  const double attention = 2.0 * shape.hidden * (shape.q_heads + shape.kv_heads) * shape.head_dim;
  const double ffn = 3.0 * shape.hidden * shape.dense_ffn;
  const double pairs = tokens * (context + tokens / 2);
  return shape.layers *
         (2 * tokens * (attention + ffn) + 4 * pairs * shape.q_heads * shape.head_dim);
}

/// `batch` sequences with `tokens` new ones each after `context`.
void step(benchmark::State& state) {
  const std::int64_t batch = state.range(0);
  const std::int64_t tokens = state.range(1);
  const std::int64_t context = state.range(2);
  const std::int64_t blocks = (context + tokens + 15) / 16;
  const auto device = realrun::device("host").make(options_of(16, batch * blocks * 16 * 1024));
  std::vector<std::int32_t> pages(static_cast<std::size_t>(batch * blocks));
  std::iota(pages.begin(), pages.end(), 0);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens), 5);
  std::vector<SequenceStep> sequences;
  for (std::int64_t i = 0; i < batch; ++i) {
    sequences.push_back({ids, context,
                         std::span(pages).subspan(static_cast<std::size_t>(i * blocks),
                                                  static_cast<std::size_t>(blocks)),
                         false});
  }
  std::vector<SequenceResult> results;
  for (auto _ : state) device->step({sequences, {}}, results);
  const auto count = static_cast<double>(batch * tokens);
  using benchmark::Counter;
  state.counters["tokens"] = Counter(count, Counter::kIsIterationInvariantRate);
  state.counters["gflops"] = Counter(
      1e-9 * static_cast<double>(batch) *
          step_operations(laptop_4l(), static_cast<double>(tokens), static_cast<double>(context)),
      Counter::kIsIterationInvariantRate);
}
BENCHMARK(step)
    ->ArgNames({"batch", "tokens", "context"})
    ->Args({1, 64, 0})
    ->Args({1, 512, 0})
    ->Args({1, 64, 2048})
    ->Args({1, 512, 2048})
    ->Args({1, 1, 2048})
    ->Args({8, 1, 2048})
    ->Unit(benchmark::kMillisecond);

void product(benchmark::State& state) {
  const std::int64_t rows = state.range(0);
  const std::int64_t depth = state.range(1);
  const std::int64_t columns = state.range(2);
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix x = Matrix::Random(rows, depth);
  const Matrix w = Matrix::Random(depth, columns);
  Matrix y(rows, columns);
  kernels::PanelMatrix panels(depth, columns);
  for (std::int64_t k = 0; k < depth; ++k) {
    for (std::int64_t c = 0; c < columns; ++c) panels.at(k, c) = w(k, c);
  }
  double ours = 0;
  double eigen = 0;
  for (auto _ : state) {
    const auto start = Clock::now();
    kernels::matmul_reference({.x = x.data(),
                               .x_stride = depth,
                               .w = panels.data(),
                               .y = y.data(),
                               .y_stride = columns,
                               .rows = rows,
                               .depth = depth,
                               .panels = kernels::panels_of(columns)});
    benchmark::ClobberMemory();
    const double taken = seconds_since(start);
    ours += taken;
    state.SetIterationTime(taken);
    const auto begin = Clock::now();
    y.noalias() = x * w;
    benchmark::DoNotOptimize(y.data());
    eigen += seconds_since(begin);
  }
  state.counters["of_eigen"] = eigen / ours;
  state.counters["gflops"] = benchmark::Counter(2e-9 * static_cast<double>(rows * depth * columns),
                                                benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(product)
    ->ArgNames({"rows", "depth", "columns"})
    ->Args({1, 128, 512})
    ->Args({96, 128, 512})
    ->Args({96, 256, 128})
    ->Args({96, 512, 2816})
    ->UseManualTime();

}  // namespace
}  // namespace calvo::realrun

BENCHMARK_MAIN();
