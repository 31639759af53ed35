#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "tests/kernels/gpu/machine.hpp"

namespace calvo::kernels::gpu::testing {

/// Runs the kernels' code on this CPU; `seed` draws the order of threads.
class EmulatedMachine final : public Machine {
public:
  explicit EmulatedMachine(std::uint64_t seed) : seed_(seed) {}

  void* allocate(std::size_t bytes) override {
    memory_.emplace_back(::operator new (bytes, std::align_val_t{16}));
    return memory_.back().get();
  }
  void to_device(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void to_host(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  int scale() const override { return 1; }

  void run(const Embedding& args) override;
  void run(const RmsNorm& args) override;
  void run(const Swiglu& args) override;
  void run(const Argmax& args) override;
  void run(const RopeTable& args) override;
  void run(const RopeKvWrite& args) override;
  void run(const PrefillAttention& args) override;
  void run(const DecodeAttention& args) override;
  void run(const LseMerge& args) override;
  void run(const SmCopy& args) override;
  void run(const MatrixFill& args) override;
  void run(const VectorFill& args) override;
  void gather(const KvCopy& args) override;
  void scatter(const KvCopy& args) override;

private:
  struct Free {
    void operator()(void* memory) const { ::operator delete (memory, std::align_val_t{16}); }
  };

  std::uint64_t seed_;
  std::vector<std::unique_ptr<void, Free>> memory_;
};

}  // namespace calvo::kernels::gpu::testing
