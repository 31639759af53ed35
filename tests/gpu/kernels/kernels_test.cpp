// The claims that hold for the emulated kernels, on a GPU and with larger sizes.
#include <cstring>
#include <string>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "tests/kernels/gpu/claims.hpp"

namespace calvo::kernels::gpu::testing {
namespace {

/// Device memory with a guard behind each piece, which must be as it was in the end.
class CudaMachine final : public Machine {
public:
  ~CudaMachine() override {
    for (const auto& [memory, bytes] : memory_) {
      std::vector<unsigned char> guard(guard_bytes);
      EXPECT_EQ(cudaMemcpy(guard.data(), memory + bytes, guard_bytes, cudaMemcpyDeviceToHost),
                cudaSuccess);
      EXPECT_EQ(guard, std::vector<unsigned char>(guard_bytes, guard_value))
          << "written behind " << bytes << " bytes";
      EXPECT_EQ(cudaFree(memory), cudaSuccess);
    }
  }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    cuda_check(cudaMalloc(&memory, bytes + guard_bytes), "memory for a test");
    memory_.emplace_back(static_cast<std::byte*>(memory), bytes);
    cuda_check(cudaMemset(memory_.back().first + bytes, guard_value, guard_bytes), "guard");
    return memory;
  }
  void to_device(void* to, const void* from, std::size_t bytes) override {
    cuda_check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "copy to the device");
  }
  void to_host(void* to, const void* from, std::size_t bytes) override {
    cuda_check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy to the host");
  }
  int scale() const override { return 5; }

  void run(const Embedding& args) override { finish(embedding, args); }
  void run(const RmsNorm& args) override { finish(rms_norm, args); }
  void run(const Swiglu& args) override { finish(swiglu, args); }
  void run(const Argmax& args) override { finish(argmax, args); }
  void run(const RopeTable& args) override { finish(rope_table, args); }
  void run(const RopeKvWrite& args) override { finish(rope_kv_write, args); }
  void run(const PrefillAttention& args) override { finish(prefill_attention, args); }
  void run(const DecodeAttention& args) override { finish(decode_attention, args); }
  void run(const LseMerge& args) override { finish(lse_merge, args); }
  void run(const SmCopy& args) override { finish(sm_copy, args); }
  void run(const MatrixFill& args) override { finish(fill_matrix, args); }
  void run(const VectorFill& args) override { finish(fill_vector, args); }
  void gather(const KvCopy& args) override { finish(kv_gather, args); }
  void scatter(const KvCopy& args) override { finish(kv_scatter, args); }

private:
  static constexpr std::size_t guard_bytes = 256;
  static constexpr unsigned char guard_value = 0xee;

  template <class Args>
  static void finish(void (*kernel)(const Args&, Stream), const Args& args) {
    kernel(args, nullptr);
    cuda_check(cudaDeviceSynchronize(), "kernel");
  }

  std::vector<std::pair<std::byte*, std::size_t>> memory_;
};

class Kernels : public ::testing::TestWithParam<std::tuple<Claim, unsigned>> {};

TEST_P(Kernels, KeepTheirContracts) {
  const auto& [claim, seed] = GetParam();
  CudaMachine machine;
  claim.hold(machine, seed);
}

std::string name_of(const ::testing::TestParamInfo<Kernels::ParamType>& info) {
  return std::get<0>(info.param).name + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Attention, Kernels,
                         ::testing::Combine(::testing::ValuesIn(attention_claims()),
                                            ::testing::Range(0U, 12U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Copies, Kernels,
                         ::testing::Combine(::testing::ValuesIn(copy_claims()),
                                            ::testing::Range(0U, 20U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Elementwise, Kernels,
                         ::testing::Combine(::testing::ValuesIn(elementwise_claims()),
                                            ::testing::Range(0U, 14U)),
                         name_of);

TEST(Kernels, RefuseArgumentsThatBreakTheirContract) {
  alignas(16) static std::byte memory[64] = {};
  auto* values = reinterpret_cast<Bf16*>(memory);
  EXPECT_THROW(rms_norm({.x = values, .y = values, .rows = 1, .width = 12}, nullptr),
               ContractViolation);
  EXPECT_THROW(embedding({.table = values + 1, .out = values, .rows = 1, .width = 8}, nullptr),
               ContractViolation);
  EXPECT_THROW(swiglu({.gate_up = values, .out = values, .rows = 1, .width = 7}, nullptr),
               ContractViolation);
  EXPECT_THROW(kv_gather({.blocks = 1, .page_size = Bytes{24}}, nullptr), ContractViolation);
  EXPECT_THROW(prefill_attention({.q_heads = 3, .kv = {nullptr, {1, 16, 2, 64}, 0}}, nullptr),
               ContractViolation);
  EXPECT_THROW(decode_attention({.q_heads = 2, .kv = {nullptr, {1, 16, 2, 96}, 0}}, nullptr),
               ContractViolation);
}

}  // namespace
}  // namespace calvo::kernels::gpu::testing
