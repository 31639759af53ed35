// Pinned host memory to the device by each path that copies can take, against the rate of one large
// copy in the same run: `direct`, one cudaMemcpyAsync a piece; `batch`, one call for all; `kernel`,
// by at most so many thread blocks; `staged`, runs of neighbouring slots copied at once, trailers
// included, and scattered to pages by a kernel while the next run is copied. Of the first three the
// pieces lie scattered on both sides. `engine` is the device's own CudaCopies, with its threads,
// chunks and wake-ups, from registered memory as the host tier's: jobs as an engine posts them, by
// the clock from the first post to the last job that is told of. Targets: 97 % from 1 MiB a piece,
// 90 % for 256 pieces of 32 KiB by the best path. G_per_s is GB/s of payload.
#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <optional>

#include <poll.h>

#include "bench/gpu/measure.hpp"
#include "core/random.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/sm_copy.hpp"
#include "realrun/devices/cuda/cuda_copies.hpp"
#include "realrun/devices/mapped_memory.hpp"
#include "realrun/devices/numa.hpp"
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
  Gate gate;
  std::vector<double> times;
  for (int i = -2; i < 30; ++i) {
    gate.hold(stream);
    cuda_check(cudaEventRecord(begin, stream), "event");
    queue(stream);
    cuda_check(cudaEventRecord(end, stream), "event");
    gate.open();
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

/// Sets the counters of `count` pieces of `size` bytes in `seconds`.
void set_rates(benchmark::State& state, std::int64_t size, std::int64_t count, double seconds) {
  const double rate = static_cast<double>(size * count) / seconds;
  state.counters["G_per_s"] = rate * 1e-9;
  state.counters["bound_G_per_s"] = pinned_maximum() * 1e-9;
  state.counters["of_bound"] = rate / pinned_maximum();
  if (size >= 1 << 20) state.counters["target"] = 0.97;
  if (size == 32 << 10 && count == 256) state.counters["target"] = 0.9;
}

/// Times what `queue` queues for `count` pieces of `size` bytes.
void report_copies(benchmark::State& state, std::int64_t size, std::int64_t count,
                   const std::function<void(cudaStream_t)>& queue) {
  double seconds = 0;
  for (auto _ : state) {
    seconds = seconds_of(queue);
    state.SetIterationTime(seconds);
  }
  set_rates(state, size, count, seconds);
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

std::vector<std::int32_t> shuffled(std::int64_t count) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  Random random(3);
  for (std::size_t i = result.size(); i > 1; --i) std::swap(result[i - 1], result[random.below(i)]);
  return result;
}

/// In chunks of what the engine posts as a job, as many under way as the device has.
void staged(benchmark::State& state) {
  using realrun::CudaCopies;
  constexpr std::int64_t under_way = CudaCopies::chunks_under_way;
  const std::int64_t size = state.range(0) << 10;
  const std::int64_t count = state.range(1);
  const std::int64_t stride = realrun::BlockFormat{size}.stride();
  const std::int64_t chunk =
      std::min(count, std::max<std::int64_t>(1, CudaCopies::job_bytes / size));
  const DeviceArray<std::int32_t> table(shuffled(pool_bytes / size));
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

/// Pages of `size` bytes, what copies need of a device.
realrun::DeviceOptions pages_of(std::int64_t size) {
  realrun::DeviceOptions options;
  models::ModelShape& shape = options.shape;
  shape.layers = shape.dense_layers = shape.q_heads = shape.kv_heads = 1;
  shape.head_dim = 64;
  options.block_tokens = static_cast<std::int32_t>(size / shape.kv_bytes_per_token().count());
  options.pages = pool_bytes / size;
  options.host_bytes = options.pages * realrun::BlockFormat{size}.stride();
  return options;
}

std::optional<int> node_of_gpu() {
  std::array<char, 32> bus_id{};
  cuda_check(cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), 0), "bus id");
  return realrun::numa_node_of_pci(bus_id.data());
}

/// Posts `count` blocks in jobs, no more at a time than `copies` wants, and waits for all.
double seconds_of_jobs(realrun::CopyEngine& copies, std::int64_t size, std::int64_t count,
                       const std::function<realrun::PageCopy(std::int64_t)>& block) {
  const realrun::CopyDepth depth = copies.depth();
  const std::int64_t each = std::max<std::int64_t>(1, depth.job / size);
  const auto most =
      static_cast<std::size_t>(std::max<std::int64_t>(1, depth.posted / (each * size)));
  std::vector<std::uint64_t> done;
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t next = 0; next < count || copies.outstanding() > 0;) {
    while (next < count && copies.outstanding() < most) {
      realrun::CopyJob job;
      job.direction = realrun::CopyDirection::in;
      const std::int64_t end = std::min(count, next + each);
      for (; next < end; ++next) job.blocks.push_back(block(next));
      copies.post(std::move(job));
    }
    pollfd wait{copies.wait_fd(), POLLIN, 0};
    ::poll(&wait, 1, -1);
    copies.poll(done);
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  return time.count();
}

/// `path`: nothing: by the rule that stands in for a table.
void engine(benchmark::State& state, std::optional<realrun::CopyPath> path) {
  const std::int64_t size = state.range(0) << 10;
  const std::int64_t count = state.range(1);
  const realrun::DeviceOptions options = pages_of(size);
  const realrun::MappedMemory host(options.host_bytes, realrun::MappedMemory::Pin::no,
                                   "host memory", node_of_gpu());
  const realrun::Registration registration(host.bytes());
  realrun::CudaCopies copies(0, pool().device.data(), host.bytes(), options);
  copies.use_path(path);
  const std::vector<std::int32_t> pages = shuffled(options.pages);
  const std::int64_t stride = realrun::BlockFormat{size}.stride();
  std::vector<double> times;
  std::int64_t first = 0;
  for (auto _ : state) {
    for (int i = -2; i < 30; ++i) {
      const double seconds = seconds_of_jobs(copies, size, count, [&](std::int64_t block) {
        const std::int64_t slot = (first + block) % options.pages;
        return realrun::PageCopy{pages[static_cast<std::size_t>(slot)],
                                 host.bytes().data() + slot * stride};
      });
      first += count;
      if (i >= 0) times.push_back(seconds);
    }
    std::ranges::sort(times);
    state.SetIterationTime(times[times.size() / 2]);
  }
  set_rates(state, size, count, times[times.size() / 2]);
}
void blocks_of_engine(benchmark::internal::Benchmark* it) {
  it->ArgNames({"KiB", "count"})->UseManualTime()->Iterations(1);
  for (const std::int64_t size : {32, 1024, 2048, 16384}) it->Args({size, 256});
  for (const std::int64_t size : {32, 1024}) it->Args({size, 4096});
}
BENCHMARK_CAPTURE(engine, rule, std::nullopt)->Apply(blocks_of_engine);
BENCHMARK_CAPTURE(engine, direct, realrun::CopyPath::direct)->Apply(blocks_of_engine);
BENCHMARK_CAPTURE(engine, batch, realrun::CopyPath::batch)->Apply(blocks_of_engine);
BENCHMARK_CAPTURE(engine, staged, realrun::CopyPath::staged)->Apply(blocks_of_engine);

}  // namespace
}  // namespace calvo::bench
