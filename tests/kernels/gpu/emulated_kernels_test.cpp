// The kernels' own code, run by the emulator: in each seed other inputs and another order of
// threads.
#include <gtest/gtest.h>

#include "tests/kernels/gpu/claims.hpp"
#include "tests/kernels/gpu/emulated_machine.hpp"

namespace calvo::kernels::gpu::testing {
namespace {

class EmulatedKernels : public ::testing::TestWithParam<std::tuple<Claim, unsigned>> {};

TEST_P(EmulatedKernels, KeepTheirContracts) {
  const auto& [claim, seed] = GetParam();
  EmulatedMachine machine(seed);
  claim.hold(machine, seed);
}

std::string name_of(const ::testing::TestParamInfo<EmulatedKernels::ParamType>& info) {
  return std::get<0>(info.param).name + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Attention, EmulatedKernels,
                         ::testing::Combine(::testing::ValuesIn(attention_claims()),
                                            ::testing::Range(0U, 8U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Copies, EmulatedKernels,
                         ::testing::Combine(::testing::ValuesIn(copy_claims()),
                                            ::testing::Range(0U, 6U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Elementwise, EmulatedKernels,
                         ::testing::Combine(::testing::ValuesIn(elementwise_claims()),
                                            ::testing::Range(0U, 7U)),
                         name_of);

}  // namespace
}  // namespace calvo::kernels::gpu::testing
