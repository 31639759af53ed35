// Pinned host memory to copy from, device memory to copy to, and the rate that no copy between them
// exceeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <benchmark/benchmark.h>
#include <cuda_runtime_api.h>

#include "bench/gpu/measure.hpp"

namespace calvo::bench {

inline constexpr std::int64_t pool_bytes = 1 << 30;

/// Pinned memory with random bytes.
class PinnedMemory {
public:
  explicit PinnedMemory(std::int64_t bytes);
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { cudaFreeHost(data_); }
  std::byte* data() const { return data_; }

private:
  std::byte* data_ = nullptr;
};

struct Pool {
  PinnedMemory host{pool_bytes};
  DeviceMemory device{pool_bytes};
};
/// The one of this program.
Pool& pool();

/// Median time of what `queue` queues. Copies can not be captured as a batch, so that the stream is
/// held while they are queued.
double seconds_of(const std::function<void(cudaStream_t)>& queue);

/// Bytes per second of one copy of all of the pool, measured once.
double pinned_maximum();

/// Sets the counters of `count` pieces of `size` bytes in `seconds`: GB/s of payload, its share of
/// pinned_maximum(), and the target where there is one: 97 % from 1 MiB a piece, 90 % for 256
/// pieces of 32 KiB.
void set_rates(benchmark::State& state, std::int64_t size, std::int64_t count, double seconds);

/// 0 ... count - 1 in a random order.
std::vector<std::int32_t> shuffled(std::int64_t count);

}  // namespace calvo::bench
