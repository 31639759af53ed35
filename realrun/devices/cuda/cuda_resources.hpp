// Owners of what the CUDA runtime gives out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <cuda_runtime_api.h>

#include "core/units.hpp"
#include "kernels/gpu/cuda_check.hpp"

namespace calvo::realrun {

using kernels::gpu::cuda_check;

/// Bytes of the GPU's memory; no initial contents.
class DeviceMemory {
public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::int64_t bytes) : bytes_(bytes) {
    if (bytes > 0) cuda_check(cudaMalloc(&data_, static_cast<std::size_t>(bytes)), "cudaMalloc");
  }
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceMemory() { cudaFree(data_); }

  std::int64_t bytes() const { return bytes_; }
  std::byte* data() const { return static_cast<std::byte*>(data_); }
  template <class T>
  T* at(std::int64_t offset) const {
    return reinterpret_cast<T*>(data() + offset);
  }

private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Pinned host memory that kernels read and write at the same address.
class PinnedMemory {
public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::int64_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    cuda_check(cudaHostAlloc(&data_, static_cast<std::size_t>(bytes),
                             cudaHostAllocPortable | cudaHostAllocMapped),
               "cudaHostAlloc");
  }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { cudaFreeHost(data_); }

  template <class T>
  std::span<T> as() const {
    return {static_cast<T*>(data_), static_cast<std::size_t>(bytes_) / sizeof(T)};
  }

private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Pins memory that somebody else owns, for as long as this lives.
class Registration {
public:
  explicit Registration(std::span<std::byte> memory) : memory_(memory) {
    if (memory.empty()) return;
    cuda_check(cudaHostRegister(memory.data(), memory.size(),
                                cudaHostRegisterPortable | cudaHostRegisterMapped),
               "cudaHostRegister");
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    if (!memory_.empty()) cudaHostUnregister(memory_.data());
  }

private:
  std::span<std::byte> memory_;
};

enum class Urgency : std::uint8_t { normal, urgent };

class CudaStream {
public:
  explicit CudaStream(Urgency urgency = Urgency::normal) {
    int least = 0;
    int greatest = 0;
    cuda_check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "stream priorities");
    cuda_check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking,
                                            urgency == Urgency::urgent ? greatest : least),
               "cudaStreamCreate");
  }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  ~CudaStream() { cudaStreamDestroy(stream_); }

  cudaStream_t get() const { return stream_; }
  void wait_for(cudaEvent_t event) const {
    cuda_check(cudaStreamWaitEvent(stream_, event, 0), "cudaStreamWaitEvent");
  }

private:
  cudaStream_t stream_ = nullptr;
};

/// For waiting without spinning, or for timing.
class CudaEvent {
public:
  enum class Kind : std::uint8_t { sleep, time };

  explicit CudaEvent(Kind kind = Kind::sleep) {
    cuda_check(cudaEventCreateWithFlags(
                   &event_, kind == Kind::sleep ? cudaEventBlockingSync | cudaEventDisableTiming
                                                : cudaEventDefault),
               "cudaEventCreate");
  }
  CudaEvent(CudaEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  CudaEvent& operator=(CudaEvent&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~CudaEvent() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }

  cudaEvent_t get() const { return event_; }
  void record(const CudaStream& stream) const {
    cuda_check(cudaEventRecord(event_, stream.get()), "cudaEventRecord");
  }
  /// Blocks until what was recorded is over. Throws CudaError if something before it failed.
  void wait() const { cuda_check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
  Seconds since(const CudaEvent& begin) const {
    float milliseconds = 0;
    cuda_check(cudaEventElapsedTime(&milliseconds, begin.event_, event_), "cudaEventElapsedTime");
    return Seconds{1e-3 * static_cast<double>(milliseconds)};
  }

private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace calvo::realrun
