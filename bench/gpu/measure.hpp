// How the GPU benchmarks measure: one captured graph of launches over inputs that rotate through
// more than four times the L2, random data, the median of repeats with its 95 % interval, and the
// bound measured in the same run. measure.cpp has main(): without a GPU it says so and ends, with
// an error if CALVO_REQUIRE_GPU=1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <cuda_runtime_api.h>

#include "kernels/bf16.hpp"
#include "realrun/devices/cuda/cuda_resources.hpp"

namespace calvo::bench {

/// Device memory that is freed with it.
class DeviceMemory {
public:
  /// Filled with finite random bf16 values (as floats they are finite, too).
  explicit DeviceMemory(std::int64_t bytes);
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory();

  template <class T>
  T* as(std::int64_t byte = 0) const {
    return reinterpret_cast<T*>(data_ + byte);
  }
  std::byte* data() const { return data_; }

private:
  std::byte* data_ = nullptr;
};

/// `values` on the device.
template <class T>
class DeviceArray {
public:
  explicit DeviceArray(const std::vector<T>& values)
      : memory_(static_cast<std::int64_t>(values.size() * sizeof(T))) {
    cudaMemcpy(memory_.data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  }
  T* data() const { return memory_.template as<T>(); }

private:
  DeviceMemory memory_;
};

/// Holds a stream while work is queued on it, so that its time is its own and not that of the
/// calls.
class Gate {
public:
  Gate() : open_(64) {}
  /// What is queued on `stream` from now on waits for open(), a second at most.
  void hold(cudaStream_t stream);
  void open();

private:
  realrun::PinnedMemory open_;
};

/// How many inputs of `bytes` each are more than four times the L2; at least 2.
int rotation(std::int64_t bytes);

struct Timing {
  double median = 0, low = 0, high = 0;  ///< seconds; the interval has the median at 95 %
};

enum class Beside : std::uint8_t { nothing, h2d };  ///< h2d: the copy engine is kept busy

/// Time of work(i, stream), i = 0 ... rotations - 1 in turn, in the mean of one graph of them;
/// median of `repeats` graphs.
Timing time_of(const std::function<void(int, cudaStream_t)>& work, int rotations,
               Beside beside = Beside::nothing, int repeats = 30);

/// What cannot be beaten, and by what it was measured.
struct Bound {
  double rate = 0;  ///< units (bytes, operations) per second
  std::string by;
};

/// Bytes per second, read and written ones, measured once: the larger of stream_copy's and
/// cudaMemcpyAsync's within the device.
const Bound& copy_bandwidth();
/// Bytes per second of stream_read, measured once.
const Bound& read_bandwidth();

/// Times `work`, alone and beside H2D copies, and sets the counters: `G_per_s` (10^9 `units` per
/// second), its share of the bound, the target share where there is one, the interval, the slowdown
/// under H2D copies; and the label: what measured the bound.
void report(benchmark::State& state, const std::function<void(int, cudaStream_t)>& work,
            int rotations, double units, const Bound& bound, std::optional<double> target);

}  // namespace calvo::bench
