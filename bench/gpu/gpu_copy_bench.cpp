// Pinned host memory to the device by each path that copies can take, against the rate of one large
// copy in the same run: `direct`, one cudaMemcpyAsync a piece; `batch`, one call for all; `kernel`,
// by at most so many thread blocks; `staged`, runs of neighbouring slots copied at once, trailers
// included, and scattered to pages by a kernel while the next run is copied. Of the first three the
// pieces lie scattered on both sides. Targets: 97 % from 1 MiB a piece, 90 % for 256 pieces of 32
// KiB by the best path. G_per_s is GB/s of payload.
#include <algorithm>
#include <numeric>

#include "bench/gpu/measure.hpp"
#include "core/random.hpp"
#include "kernels/gpu/bandwidth.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/sm_copy.hpp"
#include "realrun/devices/cuda/cuda_copies.hpp"
#include "realrun/wire/block_format.hpp"

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
};

Pool& pool() {
  static Pool pool;
  return pool;
}

/// Bytes per second of one copy of all of the pool.
double pinned_maximum() {
  static const double rate =
      pool_bytes / seconds_of([](cudaStream_t stream) {
        cuda_check(cudaMemcpyAsync(pool().device.data(), pool().host.data(), pool_bytes,
                                   cudaMemcpyHostToDevice, stream),
                   "copy");
      });
  return rate;
}

/// Times what `queue` queues for `count` pieces of `size` bytes.
void report_copies(benchmark::State& state, std::int64_t size, std::int64_t count,
                   const std::function<void(cudaStream_t)>& queue) {
  double seconds = 0;
  for (auto _ : state) {
    seconds = seconds_of(queue);
    state.SetIterationTime(seconds);
  }
  const double rate = static_cast<double>(size * count) / seconds;
  state.counters["G_per_s"] = rate * 1e-9;
  state.counters["bound_G_per_s"] = pinned_maximum() * 1e-9;
  state.counters["of_bound"] = rate / pinned_maximum();
  state.counters["target"] = size >= 1 << 20 ? 0.97 : 0.9;
}

/// Pieces that lie scattered on both sides.
std::vector<CopyPiece> scattered(std::int64_t size, std::int64_t count) {
  const std::int64_t slots = pool_bytes / size;
  std::vector<CopyPiece> pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    pieces.push_back({pool().host.data() + i * 7919 % slots * size,
                      pool().device.data() + i * 104729 % slots * size});
  }
  return pieces;
}

void direct(benchmark::State& state) {
  const std::int64_t size = state.range(0) << 10;
  const std::vector<CopyPiece> pieces = scattered(size, state.range(1));
  report_copies(state, size, state.range(1), [&](cudaStream_t stream) {
    for (const CopyPiece& piece : pieces) {
      cuda_check(cudaMemcpyAsync(piece.to, piece.from, static_cast<std::size_t>(size),
                                 cudaMemcpyHostToDevice, stream),
                 "copy");
    }
  });
}
BENCHMARK(direct)
    ->ArgNames({"KiB", "count"})
    ->ArgsProduct({{4, 32, 256, 1024, 16384}, {32, 256}})
    ->UseManualTime()
    ->Iterations(1);

void batch(benchmark::State& state) {
  const std::int64_t size = state.range(0) << 10;
  std::vector<void*> to;
  std::vector<const void*> from;
  for (const CopyPiece& piece : scattered(size, state.range(1))) {
    to.push_back(piece.to);
    from.push_back(piece.from);
  }
  const std::vector<std::size_t> sizes(to.size(), static_cast<std::size_t>(size));
  cudaMemcpyAttributes all{};
  all.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
  all.flags = cudaMemcpyFlagPreferOverlapWithCompute;  // as the device does
  std::size_t first = 0;
  report_copies(state, size, state.range(1), [&](cudaStream_t stream) {
    cuda_check(cudaMemcpyBatchAsync(to.data(), from.data(), sizes.data(), sizes.size(), &all,
                                    &first, 1, stream),
               "batch");
  });
}
BENCHMARK(batch)
    ->ArgNames({"KiB", "count"})
    ->ArgsProduct({{4, 32, 256, 1024}, {32, 256}})
    ->UseManualTime()
    ->Iterations(1);

void kernel(benchmark::State& state) {
  const std::int64_t size = state.range(0) << 10;
  const DeviceArray<CopyPiece> pieces(scattered(size, state.range(1)));
  const SmCopy args{.pieces = pieces.data(),
                    .count = state.range(1),
                    .size = Bytes{size},
                    .thread_blocks = static_cast<std::int32_t>(state.range(2))};
  report_copies(state, size, state.range(1), [&](cudaStream_t stream) { sm_copy(args, stream); });
}
BENCHMARK(kernel)
    ->ArgNames({"KiB", "count", "thread_blocks"})
    ->ArgsProduct({{4, 32, 256}, {32, 256}, {1, 2, 4, 8}})
    ->UseManualTime()
    ->Iterations(1);

/// In chunks of what the engine posts as a job, as many under way as the device has.
void staged(benchmark::State& state) {
  using realrun::CudaCopies;
  constexpr std::int64_t under_way = CudaCopies::chunks_under_way;
  const std::int64_t size = state.range(0) << 10;
  const std::int64_t count = state.range(1);
  const std::int64_t stride = realrun::BlockFormat{size}.stride();
  const std::int64_t chunk =
      std::min(count, std::max<std::int64_t>(1, CudaCopies::job_bytes / size));
  std::vector<std::int32_t> pages(static_cast<std::size_t>(pool_bytes / size));
  std::iota(pages.begin(), pages.end(), 0);
  Random random(3);
  for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random.below(i)]);
  const DeviceArray<std::int32_t> table(pages);
  const DeviceMemory staging(under_way * chunk * stride);
  const realrun::CudaStream kernels(realrun::Urgency::urgent);
  const std::vector<realrun::CudaEvent> copied(under_way);
  const std::vector<realrun::CudaEvent> over(under_way);
  const auto wait = [](cudaStream_t stream, const realrun::CudaEvent& event) {
    cuda_check(cudaStreamWaitEvent(stream, event.get(), 0), "event");
  };
  report_copies(state, size, count, [&](cudaStream_t stream) {
    for (std::int64_t first = 0; first < count; first += chunk) {
      const std::int64_t turn = first / chunk;
      const auto slot = static_cast<std::size_t>(turn % under_way);
      const std::int64_t some = std::min(chunk, count - first);
      std::byte* place = staging.data() + static_cast<std::int64_t>(slot) * chunk * stride;
      if (turn >= under_way) wait(stream, over[slot]);
      cuda_check(cudaMemcpyAsync(place, pool().host.data() + first * stride,
                                 static_cast<std::size_t>((some - 1) * stride + size),
                                 cudaMemcpyHostToDevice, stream),
                 "copy");
      cuda_check(cudaEventRecord(copied[slot].get(), stream), "event");
      wait(kernels.get(), copied[slot]);
      kv_scatter({.pool = pool().device.data(),
                  .table = table.data() + first,
                  .staging = place,
                  .checksums = nullptr,
                  .blocks = some,
                  .page_size = Bytes{size},
                  .staging_stride = Bytes{stride},
                  .range = {Bytes{0}, Bytes{size}}},
                 kernels.get());
      over[slot].record(kernels);
      if (first + chunk >= count) wait(stream, over[slot]);  // scatters end in their order
    }
  });
}
BENCHMARK(staged)
    ->ArgNames({"KiB", "count"})
    ->ArgsProduct({{4, 32, 256, 1024}, {32, 256}})
    ->UseManualTime()
    ->Iterations(1);

}  // namespace
}  // namespace calvo::bench
