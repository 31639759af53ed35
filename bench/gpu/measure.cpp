#include "bench/gpu/measure.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "kernels/gpu/bandwidth.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/weight_fill.hpp"

namespace calvo::bench {
namespace {

using kernels::gpu::cuda_check;

constexpr std::size_t h2d_bytes = 16 << 20;

struct Stream {
  cudaStream_t it = nullptr;
  Stream() { cuda_check(cudaStreamCreateWithFlags(&it, cudaStreamNonBlocking), "stream"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(it); }
};

struct Event {
  cudaEvent_t it = nullptr;
  Event() { cuda_check(cudaEventCreate(&it), "event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(it); }
};

class Graph {
public:
  Graph(const std::function<void(int, cudaStream_t)>& work, int rotations, cudaStream_t stream) {
    cuda_check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
    for (int i = 0; i < rotations; ++i) work(i, stream);
    cuda_check(cudaStreamEndCapture(stream, &graph_), "capture");
    cuda_check(cudaGraphInstantiate(&it, graph_, 0), "graph");
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    cudaGraphExecDestroy(it);
    cudaGraphDestroy(graph_);
  }
  cudaGraphExec_t it = nullptr;

private:
  cudaGraph_t graph_ = nullptr;
};

/// Keeps the copy engine busy for a while.
class H2d {
public:
  H2d() : device_(h2d_bytes) {
    cuda_check(cudaMallocHost(&host_, h2d_bytes), "pinned memory");
    std::fill_n(static_cast<unsigned char*>(host_), h2d_bytes, static_cast<unsigned char>(0x5a));
  }
  H2d(const H2d&) = delete;
  H2d& operator=(const H2d&) = delete;
  ~H2d() { cudaFreeHost(host_); }

  /// At least `seconds` of copies at 64 GB/s, more than PCIe 5 x16 carries.
  void start(double seconds) {
    const auto count = static_cast<int>(seconds * 64e9 / static_cast<double>(h2d_bytes)) + 2;
    for (int i = 0; i < count; ++i) {
      cuda_check(
          cudaMemcpyAsync(device_.data(), host_, h2d_bytes, cudaMemcpyHostToDevice, stream_.it),
          "copy");
    }
  }
  void wait() { cuda_check(cudaStreamSynchronize(stream_.it), "copy"); }

private:
  Stream stream_;
  DeviceMemory device_;
  void* host_ = nullptr;
};

Timing summary(std::vector<double> times) {
  std::ranges::sort(times);
  const auto count = static_cast<double>(times.size());
  const double spread = 1.96 * std::sqrt(count) / 2;  // of the rank of the median, binomial
  const auto at = [&](double rank) {
    return times[static_cast<std::size_t>(std::clamp(rank, 0.0, count - 1))];
  };
  return {at(count / 2), at(std::floor(count / 2 - spread)), at(std::ceil(count / 2 + spread))};
}

/// Bytes per second, read and written ones, of what copies so many from one place to the other.
template <class Copy>
double rate_of(const DeviceMemory& one, const DeviceMemory& other, std::int64_t bytes, Copy copy) {
  const Timing time = time_of(
      [&](int i, cudaStream_t stream) {
        i == 0 ? copy(one.data(), other.data(), stream) : copy(other.data(), one.data(), stream);
      },
      2);
  return 2.0 * static_cast<double>(bytes) / time.median;
}

bool gpu_required() {
  const char* value = std::getenv("CALVO_REQUIRE_GPU");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

DeviceMemory::DeviceMemory(std::int64_t bytes) {
  cuda_check(cudaMalloc(reinterpret_cast<void**>(&data_), static_cast<std::size_t>(bytes + 32)),
             "memory for a benchmark");
  kernels::gpu::fill_matrix({.fill = {1, kernels::WeightTensor{1}, 1},
                             .out = as<kernels::Bf16>(),
                             .rows = 1,
                             .columns = bytes / 2,
                             .row_stride = bytes / 2},
                            nullptr);
  cuda_check(cudaDeviceSynchronize(), "random values");
}

DeviceMemory::~DeviceMemory() {
  cudaFree(data_);
}

void Gate::hold(cudaStream_t stream) {
  std::uint32_t& word = open_.as<std::uint32_t>().front();
  std::atomic_ref(word).store(0);
  kernels::gpu::hold_stream(&word, std::chrono::seconds(1), stream);
}

void Gate::open() {
  std::atomic_ref(open_.as<std::uint32_t>().front()).store(1);
}

int rotation(std::int64_t bytes) {
  cudaDeviceProp properties{};
  cuda_check(cudaGetDeviceProperties(&properties, 0), "device");
  return static_cast<int>(std::max<std::int64_t>(2, 4LL * properties.l2CacheSize / bytes + 1));
}

Timing time_of(const std::function<void(int, cudaStream_t)>& work, int rotations, Beside beside,
               int repeats) {
  const Stream stream;
  const Event begin, end;
  Gate gate;
  for (int i = 0; i < rotations; ++i) work(i, stream.it);  // loads modules, finds errors
  cuda_check(cudaStreamSynchronize(stream.it), "warm-up");
  const Graph graph(work, rotations, stream.it);
  const std::unique_ptr<H2d> h2d = beside == Beside::h2d ? std::make_unique<H2d>() : nullptr;
  std::vector<double> times;
  double longest = 1e-3;
  for (int i = -2; i < repeats; ++i) {
    gate.hold(stream.it);
    cuda_check(cudaEventRecord(begin.it, stream.it), "event");
    cuda_check(cudaGraphLaunch(graph.it, stream.it), "graph");
    cuda_check(cudaEventRecord(end.it, stream.it), "event");
    if (h2d != nullptr) h2d->start(3 * longest + 1e-3);
    gate.open();
    cuda_check(cudaEventSynchronize(end.it), "graph");
    if (h2d != nullptr) h2d->wait();
    float milliseconds = 0;
    cuda_check(cudaEventElapsedTime(&milliseconds, begin.it, end.it), "event");
    const double seconds = static_cast<double>(milliseconds) * 1e-3;
    longest = std::max(longest, seconds);
    if (i >= 0) times.push_back(seconds / rotations);
  }
  return summary(times);
}

const Bound& copy_bandwidth() {
  static const Bound bandwidth = [] {
    constexpr std::int64_t bytes = 512 << 20;
    const DeviceMemory one(bytes), other(bytes);
    const Bound by_kernel{rate_of(one, other, bytes,
                                  [](const std::byte* from, std::byte* to, cudaStream_t stream) {
                                    kernels::gpu::stream_copy(from, to, Bytes{bytes}, stream);
                                  }),
                          "bound by stream_copy"};
    const Bound by_driver{
        rate_of(one, other, bytes,
                [](const std::byte* from, std::byte* to, cudaStream_t stream) {
                  cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream),
                             "copy");
                }),
        "bound by cudaMemcpyAsync"};
    return by_kernel.rate > by_driver.rate ? by_kernel : by_driver;
  }();
  return bandwidth;
}

const Bound& read_bandwidth() {
  static const Bound bandwidth = [] {
    constexpr std::int64_t bytes = 1 << 30;
    const DeviceMemory from(bytes), sink(64);
    const Timing time = time_of(
        [&](int, cudaStream_t stream) {
          kernels::gpu::stream_read(from.data(), Bytes{bytes}, sink.as<std::uint64_t>(), stream);
        },
        2);
    return Bound{static_cast<double>(bytes) / time.median, "bound by stream_read"};
  }();
  return bandwidth;
}

void report(benchmark::State& state, const std::function<void(int, cudaStream_t)>& work,
            int rotations, double units, const Bound& bound, std::optional<double> target) {
  Timing alone, beside;
  for (auto _ : state) {
    alone = time_of(work, rotations);
    beside = time_of(work, rotations, Beside::h2d);
    state.SetIterationTime(alone.median);
  }
  state.counters["G_per_s"] = units / alone.median * 1e-9;
  state.counters["bound_G_per_s"] = bound.rate * 1e-9;
  state.counters["of_bound"] = units / alone.median / bound.rate;
  if (target) state.counters["target"] = *target;
  state.counters["us_low"] = alone.low * 1e6;
  state.counters["us_high"] = alone.high * 1e6;
  state.counters["under_h2d"] = beside.median / alone.median;
  state.SetLabel(bound.by);
}

}  // namespace calvo::bench

int main(int argc, char** argv) {
  int gpus = 0;
  const cudaError_t status = cudaGetDeviceCount(&gpus);
  if (status != cudaSuccess || gpus == 0) {
    std::printf("%s: no GPU (%s)\n", calvo::bench::gpu_required() ? "failed" : "skipped",
                cudaGetErrorString(status));
    return calvo::bench::gpu_required() ? 1 : 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
