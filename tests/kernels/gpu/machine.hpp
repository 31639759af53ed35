// What the kernels' tests run on: the emulator, or a GPU. The cases are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/elementwise.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/rope.hpp"
#include "kernels/gpu/sm_copy.hpp"
#include "kernels/gpu/weight_fill.hpp"

namespace calvo::kernels::gpu::testing {

class Machine {
public:
  virtual ~Machine() = default;

  /// Exactly as much, 16-byte aligned, lives as long as the machine.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void to_device(void* to, const void* from, std::size_t bytes) = 0;
  virtual void to_host(void* to, const void* from, std::size_t bytes) = 0;
  /// By how much sizes of cases should grow: an emulator is slow.
  virtual int scale() const = 0;

  virtual void run(const Embedding& args) = 0;
  virtual void run(const RmsNorm& args) = 0;
  virtual void run(const Swiglu& args) = 0;
  virtual void run(const Argmax& args) = 0;
  virtual void run(const RopeTable& args) = 0;
  virtual void run(const RopeKvWrite& args) = 0;
  virtual void run(const PrefillAttention& args) = 0;
  virtual void run(const DecodeAttention& args) = 0;
  virtual void run(const LseMerge& args) = 0;
  virtual void run(const SmCopy& args) = 0;
  virtual void run(const MatrixFill& args) = 0;
  virtual void run(const VectorFill& args) = 0;
  virtual void gather(const KvCopy& args) = 0;
  virtual void scatter(const KvCopy& args) = 0;
};

/// Values on the device.
template <class T>
class Array {
public:
  Array(Machine& machine, const std::vector<T>& values)
      : machine_(machine),
        size_(values.size()),
        data_(static_cast<T*>(machine.allocate(values.size() * sizeof(T)))) {
    machine.to_device(data_, values.data(), size_ * sizeof(T));
  }

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(size_);
    machine_.to_host(result.data(), data_, size_ * sizeof(T));
    return result;
  }

private:
  Machine& machine_;
  std::size_t size_;
  T* data_;
};

}  // namespace calvo::kernels::gpu::testing
