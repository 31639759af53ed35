// Pinned host memory to the device: one cudaMemcpyAsync a piece, one batch of them, and copies by
// multiprocessors, against the rate of one large copy in the same run. Targets: 97 % from 1 MiB,
// 90 % for 256 pieces of 32 KiB by the best way. G_per_s is GB/s.
#include <cstring>

#include "bench/gpu/measure.hpp"
#include "kernels/gpu/bandwidth.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/sm_copy.hpp"

namespace calvo::bench {
namespace {

using namespace kernels::gpu;

constexpr std::int64_t pool_bytes = 1 << 30;

/// Pinned memory with random bytes.
class PinnedMemory {
public:
  explicit PinnedMemory(std::int64_t bytes) {
    cuda_check(cudaMallocHost(reinterpret_cast<void**>(&data_), static_cast<std::size_t>(bytes)),
               "pinned memory");
    const DeviceMemory random(bytes);
    cuda_check(
        cudaMemcpy(data_, random.data(), static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost),
        "random values");
  }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { cudaFreeHost(data_); }
  std::byte* data() const { return data_; }

private:
  std::byte* data_ = nullptr;
};

/// Copies can not be captured as a batch, so that the stream is held while they are queued.
double seconds_of(const std::function<void(cudaStream_t)>& queue) {
  cudaStream_t stream = nullptr;
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  cuda_check(cudaEventCreate(&begin), "event");
  cuda_check(cudaEventCreate(&end), "event");
  PinnedMemory gate(64);
  auto* open = reinterpret_cast<volatile std::uint32_t*>(gate.data());
  std::vector<double> times;
  for (int i = -2; i < 30; ++i) {
    *open = 0;
    hold_stream(reinterpret_cast<const std::uint32_t*>(gate.data()), std::chrono::seconds(1),
                stream);
    cuda_check(cudaEventRecord(begin, stream), "event");
    queue(stream);
    cuda_check(cudaEventRecord(end, stream), "event");
    *open = 1;
    cuda_check(cudaEventSynchronize(end), "copies");
    float milliseconds = 0;
    cuda_check(cudaEventElapsedTime(&milliseconds, begin, end), "event");
    if (i >= 0) times.push_back(static_cast<double>(milliseconds) * 1e-3);
  }
  cudaEventDestroy(end);
  cudaEventDestroy(begin);
  cudaStreamDestroy(stream);
  std::ranges::sort(times);
  return times[times.size() / 2];
}

struct Pool {
  PinnedMemory host{pool_bytes};
  DeviceMemory device{pool_bytes};

  /// Bytes per second of one copy of it all.
  double bound() const {
    return pool_bytes / seconds_of([&](cudaStream_t stream) {
             cuda_check(cudaMemcpyAsync(device.data(), host.data(), pool_bytes,
                                        cudaMemcpyHostToDevice, stream),
                        "copy");
           });
  }
};

enum class Way : std::uint8_t { each, batch, sm };

void h2d(benchmark::State& state, Way way) {
  const std::int64_t size = state.range(0) << 10;
  const std::int64_t count = state.range(1);
  const auto thread_blocks = static_cast<std::int32_t>(state.range(2));
  const Pool pool;
  std::vector<CopyPiece> pieces;
  std::vector<void*> to;
  std::vector<const void*> from;
  const std::int64_t slots = pool_bytes / size;
  for (std::int64_t i = 0; i < count; ++i) {  // scattered on both sides
    pieces.push_back({pool.host.data() + i * 7919 % slots * size,
                      pool.device.data() + i * 104729 % slots * size});
    from.push_back(pieces.back().from);
    to.push_back(pieces.back().to);
  }
  const std::vector<std::size_t> sizes(pieces.size(), static_cast<std::size_t>(size));
  const DeviceArray<CopyPiece> list(pieces);
  cudaMemcpyAttributes attributes{};
  attributes.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
  std::size_t first = 0;
  const auto queue = [&](cudaStream_t stream) {
    switch (way) {
      case Way::each:
        for (const CopyPiece& piece : pieces) {
          cuda_check(cudaMemcpyAsync(piece.to, piece.from, static_cast<std::size_t>(size),
                                     cudaMemcpyHostToDevice, stream),
                     "copy");
        }
        break;
      case Way::batch:
        cuda_check(cudaMemcpyBatchAsync(to.data(), from.data(), sizes.data(), sizes.size(),
                                        &attributes, &first, 1, stream),
                   "batch");
        break;
      case Way::sm:
        sm_copy({.pieces = list.data(),
                 .count = count,
                 .size = Bytes{size},
                 .thread_blocks = thread_blocks},
                stream);
        break;
    }
  };
  double seconds = 0;
  for (auto _ : state) {
    seconds = seconds_of(queue);
    state.SetIterationTime(seconds);
  }
  const double bound = pool.bound();
  const double rate = static_cast<double>(size * count) / seconds;
  state.counters["G_per_s"] = rate * 1e-9;
  state.counters["bound_G_per_s"] = bound * 1e-9;
  state.counters["of_bound"] = rate / bound;
  state.counters["target"] = size >= 1 << 20 ? 0.97 : 0.9;
}
BENCHMARK_CAPTURE(h2d, each, Way::each)
    ->ArgNames({"KiB", "count", "thread_blocks"})
    ->ArgsProduct({{4, 32, 256, 1024, 16384}, {32, 256}, {0}})
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK_CAPTURE(h2d, batch, Way::batch)
    ->ArgNames({"KiB", "count", "thread_blocks"})
    ->ArgsProduct({{4, 32, 256, 1024}, {32, 256}, {0}})
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK_CAPTURE(h2d, sm, Way::sm)
    ->ArgNames({"KiB", "count", "thread_blocks"})
    ->ArgsProduct({{4, 32, 256}, {256}, {1, 2, 4, 8}})
    ->UseManualTime()
    ->Iterations(1);

}  // namespace
}  // namespace calvo::bench
