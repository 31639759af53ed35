#include "policies/restore_policy.hpp"

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "policies/registry.hpp"

namespace calvo::policies {
namespace {

RestoreView view(std::int32_t hits, std::int32_t gpu, double load, double compute) {
  return {hits, gpu, Seconds{load}, Seconds{compute}};
}

TEST(LoadAll, UsesEveryHit) {
  EXPECT_EQ(LoadAll{}.use_blocks(view(10, 3, 9.0, 1.0)), 10);
}

TEST(RecomputeAll, UsesOnlyWhatIsInGpuMemory) {
  EXPECT_EQ(RecomputeAll{}.use_blocks(view(10, 3, 0.1, 9.0)), 3);
}

TEST(CheaperOfBoth, LoadsIfThatIsNotSlower) {
  EXPECT_EQ(CheaperOfBoth{}.use_blocks(view(10, 3, 0.9, 1.0)), 10);
  EXPECT_EQ(CheaperOfBoth{}.use_blocks(view(10, 3, 1.0, 1.0)), 10);
  EXPECT_EQ(CheaperOfBoth{}.use_blocks(view(10, 3, 1.1, 1.0)), 3);
}

class UsesTooMuch final : public RestorePolicy {
  std::int32_t do_use_blocks(const RestoreView& of) const override { return of.hit_blocks + 1; }
};

TEST(RestorePolicy, IsHeldToItsHits) {
  EXPECT_THROW(UsesTooMuch{}.use_blocks(view(10, 3, 1, 1)), ContractViolation);
}

class EveryRestore : public ::testing::TestWithParam<unsigned> {};

TEST_P(EveryRestore, KeepsWhatIsInGpuMemoryAndInventsNothing) {
  Random random(GetParam());
  for (const auto& entry : restores()) {
    const auto policy = make_restore(entry.name);
    for (int i = 0; i < 20; ++i) {
      const auto hits = static_cast<std::int32_t>(random.below(1000));
      const auto gpu =
          static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(hits) + 1));
      const std::int32_t used =
          policy->use_blocks(view(hits, gpu, random.uniform(), random.uniform()));
      EXPECT_LE(gpu, used) << entry.name;
      EXPECT_LE(used, hits) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryRestore, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::policies
