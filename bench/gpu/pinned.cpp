#include "bench/gpu/pinned.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/random.hpp"
#include "kernels/gpu/cuda_check.hpp"

namespace calvo::bench {

using kernels::gpu::cuda_check;

PinnedMemory::PinnedMemory(std::int64_t bytes) {
  cuda_check(cudaMallocHost(reinterpret_cast<void**>(&data_), static_cast<std::size_t>(bytes)),
             "pinned memory");
  const DeviceMemory random(bytes);
  cuda_check(
      cudaMemcpy(data_, random.data(), static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost),
      "random values");
}

Pool& pool() {
  static Pool pool;
  return pool;
}

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

double pinned_maximum() {
  static const double rate =
      pool_bytes / seconds_of([](cudaStream_t stream) {
        cuda_check(cudaMemcpyAsync(pool().device.data(), pool().host.data(), pool_bytes,
                                   cudaMemcpyHostToDevice, stream),
                   "copy");
      });
  return rate;
}

void set_rates(benchmark::State& state, std::int64_t size, std::int64_t count, double seconds) {
  const double rate = static_cast<double>(size * count) / seconds;
  state.counters["G_per_s"] = rate * 1e-9;
  state.counters["bound_G_per_s"] = pinned_maximum() * 1e-9;
  state.counters["of_bound"] = rate / pinned_maximum();
  if (size >= 1 << 20) state.counters["target"] = 0.97;
  if (size == 32 << 10 && count == 256) state.counters["target"] = 0.9;
}

std::vector<std::int32_t> shuffled(std::int64_t count) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  Random random(3);
  for (std::size_t i = result.size(); i > 1; --i) std::swap(result[i - 1], result[random.below(i)]);
  return result;
}

}  // namespace calvo::bench
