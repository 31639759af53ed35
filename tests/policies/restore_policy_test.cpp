#include "policies/restore_policy.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "policies/registry.hpp"

namespace calvo::policies {
namespace {

/// Ten hits, three of them in GPU memory: load the seven in `load`, of which computing the query
/// after them takes 0.1 s, or compute all in `compute`.
struct Case {
  Case(double load, double compute)
      : options{{3, Seconds{0}, Seconds{compute}}, {10, Seconds{load - 0.1}, Seconds{0.1}}} {}
  RestoreView view() const { return {10, 3, options, Seconds{0}, Seconds{0}}; }
  std::vector<RestoreOption> options;
};

TEST(LoadAll, UsesEveryHit) {
  EXPECT_EQ(LoadAll{}.choose(Case(9.0, 1.0).view()).blocks, 10);
}

TEST(RecomputeAll, UsesOnlyWhatIsInGpuMemory) {
  EXPECT_EQ(RecomputeAll{}.choose(Case(0.1, 9.0).view()).blocks, 3);
}

TEST(CheaperOfBoth, LoadsIfThatIsNotSlower) {
  EXPECT_EQ(CheaperOfBoth{}.choose(Case(0.9, 1.0).view()).blocks, 10);
  EXPECT_EQ(CheaperOfBoth{}.choose(Case(1.0, 1.0).view()).blocks, 10);
  EXPECT_EQ(CheaperOfBoth{}.choose(Case(1.1, 1.0).view()).blocks, 3);
}

/// Eight hits outside GPU memory; each takes `load` s to load or `compute` s to compute, and the
/// query 1 s.
std::int32_t soonest(double load, double compute, double load_queue, double compute_queue) {
  std::vector<RestoreOption> options;
  for (std::int32_t use = 0; use <= 8; ++use) {
    options.push_back({use, Seconds{load * use}, Seconds{compute * (8 - use) + 1}});
  }
  return Soonest{}.choose({8, 0, options, Seconds{load_queue}, Seconds{compute_queue}}).blocks;
}

TEST(Soonest, IsTheCheaperWayWhereNothingWaits) {
  EXPECT_EQ(soonest(1, 2, 0, 0), 8);  // 8 + 1 against 16 + 1
  EXPECT_EQ(soonest(2, 1, 0, 0), 0);  // 16 + 1 against 8 + 1
}

TEST(Soonest, ComputesWhereLoadsWaitTooLong) {
  EXPECT_EQ(soonest(1, 2, 9, 0), 0);  // 17 + 1 against 16 + 1
  EXPECT_EQ(soonest(1, 2, 7, 0), 8);  // 15 + 1
}

TEST(Soonest, LoadsTheMostOfWaysThatEndTogether) {
  EXPECT_EQ(soonest(1, 2, 8, 0), 8);  // 16 + 1 either way
}

TEST(Soonest, LoadsAPartWhileTheGpuWorksOffItsQueue) {
  EXPECT_EQ(soonest(2, 1, 0, 10), 5);  // 10 + 3 + 1; 4 end at 10 + 4 + 1, 6 at 12 + 2 + 1
  EXPECT_EQ(soonest(2, 1, 4, 10), 3);
  EXPECT_EQ(soonest(2, 1, 0, 99), 8);
}

class ChoosesBeyondTheEnd final : public RestorePolicy {
  std::size_t do_choose(const RestoreView& of) const override { return of.options.size(); }
};

TEST(RestorePolicy, IsHeldToItsOptions) {
  const Case any(1, 1);
  EXPECT_THROW(ChoosesBeyondTheEnd{}.choose(any.view()), ContractViolation);
  RestoreView nothing = any.view();
  nothing.options = {};
  EXPECT_THROW(LoadAll{}.choose(nothing), ContractViolation);
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
      std::vector<RestoreOption> options;
      for (std::int32_t use = gpu; use <= hits;
           use = use < hits && use + 99 > hits ? hits : use + 99) {
        options.push_back({use, Seconds{random.uniform()}, Seconds{random.uniform()}});
      }
      const RestoreOption used = policy->choose(
          {hits, gpu, options, Seconds{random.uniform()}, Seconds{random.uniform()}});
      EXPECT_LE(gpu, used.blocks) << entry.name;
      EXPECT_LE(used.blocks, hits) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryRestore, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::policies
