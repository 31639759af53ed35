// Host memory to the device through the device's own CudaCopies, with its threads, chunks and
// wake-ups, from registered memory as the host tier's, against the rate of one large copy in the
// same run: jobs as an engine posts them, by the clock from the first post to the last job that is
// told of. Blocks lie one behind the other in host memory and scattered on the device. Targets: 97
// % from 1 MiB a block, 90 % for 256 blocks of 32 KiB by the best path. G_per_s is GB/s of payload.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include <poll.h>

#include "bench/gpu/measure.hpp"
#include "bench/gpu/pinned.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "realrun/devices/cuda/cuda_copies.hpp"
#include "realrun/devices/mapped_memory.hpp"
#include "realrun/devices/numa.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::bench {
namespace {

using kernels::gpu::cuda_check;

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
