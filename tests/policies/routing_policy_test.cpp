#include "policies/routing_policy.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "policies/registry.hpp"

namespace calvo::policies {
namespace {

InstanceView view(std::int64_t outstanding, double backlog, double cost) {
  return {outstanding, Seconds{backlog}, Seconds{cost}};
}

TEST(RoundRobin, GoesInTurnWhateverHappens) {
  const std::vector<InstanceView> two{view(100, 9, 9), view(0, 0, 0)};
  EXPECT_EQ(RoundRobin{}.choose(two, 0), 0U);
  EXPECT_EQ(RoundRobin{}.choose(two, 1), 1U);
  EXPECT_EQ(RoundRobin{}.choose(two, 2), 0U);
}

TEST(LeastLoaded, TakesTheFewestOutstandingAndTheFirstOfEqualOnes) {
  const std::vector<InstanceView> three{view(2, 0, 0), view(1, 9, 9), view(1, 0, 0)};
  EXPECT_EQ(LeastLoaded{}.choose(three, 7), 1U);
}

TEST(CacheAware, TradesItsQueueAgainstTheCachedPrefix) {
  const CacheAware policy;
  EXPECT_TRUE(policy.wants_cost());
  const std::vector<InstanceView> cached_wins{view(1, 0.5, 0.1), view(0, 0.0, 0.7)};
  EXPECT_EQ(policy.choose(cached_wins, 0), 0U);
  const std::vector<InstanceView> queue_wins{view(1, 0.7, 0.1), view(0, 0.0, 0.7)};
  EXPECT_EQ(policy.choose(queue_wins, 0), 1U);
}

TEST(RoutingPolicy, NeedsAnInstance) {
  EXPECT_THROW(LeastLoaded{}.choose({}, 0), ContractViolation);
}

class EveryRouting : public ::testing::TestWithParam<unsigned> {};

TEST_P(EveryRouting, ChoosesAnInstanceThatExistsAndRepeats) {
  Random random(GetParam());
  for (const auto& entry : routings()) {
    const auto policy = make_routing(entry.name);
    for (std::int64_t i = 0; i < 20; ++i) {
      std::vector<InstanceView> instances(1 + random.below(9));
      for (InstanceView& one : instances) {
        one = view(static_cast<std::int64_t>(random.below(50)), random.uniform(), random.uniform());
      }
      const std::size_t chosen = policy->choose(instances, i);
      EXPECT_LT(chosen, instances.size()) << entry.name;
      EXPECT_EQ(chosen, policy->choose(instances, i)) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryRouting, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::policies
