// Pinned host memory to the device by each path that copies can take, against the rate of one large
// copy in the same run: `direct`, one cudaMemcpyAsync a piece; `batch`, one call for all; `kernel`,
// by at most so many thread blocks; `staged`, runs of neighbouring slots copied at once, trailers
// included, and scattered to pages by a kernel while the next run is copied. Of the first three the
// pieces lie scattered on both sides. Targets: 97 % from 1 MiB a piece, 90 % for 256 pieces of 32
// KiB by the best path. G_per_s is GB/s of payload.
#include <algorithm>
#include <functional>

#include "bench/gpu/measure.hpp"
#include "bench/gpu/pinned.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/sm_copy.hpp"
#include "realrun/devices/cuda/cuda_copies.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::bench {
namespace {

using namespace kernels::gpu;

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

}  // namespace
}  // namespace calvo::bench
