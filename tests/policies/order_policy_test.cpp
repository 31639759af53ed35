#include "policies/order_policy.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "policies/registry.hpp"

namespace calvo::policies {
namespace {

RequestView view(double arrival, double deadline, std::int64_t cached, std::int64_t fresh,
                 double load, double compute) {
  return {.arrival = instant_at(arrival),
          .deadline = deadline < 0 ? never : instant_at(deadline),
          .input = Tokens{cached + fresh},
          .cached = Tokens{cached},
          .new_tokens = Tokens{fresh},
          .load = Seconds{load},
          .compute = Seconds{compute}};
}

// The first arrives first, the second is the least to compute, the third the least to load.
const RequestView early = view(1.0, 9.0, 3000, 300, 0.30, 0.03);
const RequestView fresh = view(2.0, 5.0, 2000, 100, 0.20, 0.01);
const RequestView small = view(3.0, 5.1, 1000, 900, 0.10, 0.40);

/// Whether `name` puts `a` before `b`.
bool before(std::string_view name, const RequestView& a, const RequestView& b) {
  const auto order = make_order(name, 0);
  return order->key(a) < order->key(b);
}

TEST(FirstComeFirst, GoesByArrival) {
  EXPECT_TRUE(before("fifo", early, fresh));
  EXPECT_TRUE(before("fifo", fresh, small));
}

TEST(FewestNewFirst, GoesByTokensToCompute) {
  EXPECT_TRUE(before("sjf_new", fresh, early));
  EXPECT_TRUE(before("sjf_new", early, small));
}

TEST(FewestCachedFirst, GoesByTokensToLoad) {
  EXPECT_TRUE(before("sjf_cached", small, fresh));
  EXPECT_TRUE(before("sjf_cached", fresh, early));
}

TEST(CheapestFirst, GoesByLoadAndCompute) {
  EXPECT_TRUE(before("sjf_cost", fresh, early));
  EXPECT_TRUE(before("sjf_cost", early, small));
}

// Source: the two requests of CALVO (arXiv 2603.21257), section 2.
TEST(CheapestFirst, PicksTheSecondOfCalvosTwoRequestsWhereOrdersWithoutLoadingPickTheFirst) {
  const RequestView first = view(0, -1, 28000, 19, 0.361, 0.019);
  const RequestView second = view(0, -1, 15000, 25, 0.199, 0.025);
  EXPECT_TRUE(before("sjf_cost", second, first));
  EXPECT_TRUE(before("sjf_new", first, second));
}

TEST(EarliestDeadlineFirst, GoesByDeadlineAndPutsRequestsWithoutOneLast) {
  EXPECT_TRUE(before("edf", fresh, small));
  EXPECT_TRUE(before("edf", small, early));
  EXPECT_TRUE(before("edf", early, view(0, -1, 1, 1, 0, 0)));
}

TEST(LeastSlackFirst, GoesByTheLatestStartThatMeetsTheDeadline) {
  EXPECT_TRUE(before("lstf", small, fresh)) << "due later, but much more to do";
  EXPECT_TRUE(before("lstf", fresh, early));
}

TEST(BottleneckFirst, GoesByTheTimeOnTheBottleneckAlone) {
  RequestView one = view(0, -1, 3000, 300, 0.30, 0.30);
  RequestView other = view(0, -1, 1000, 300, 0.10, 0.30);
  one.bottleneck = Seconds{0.29};
  other.bottleneck = Seconds{0.30};
  EXPECT_TRUE(before("sjf_cost", other, one));
  EXPECT_TRUE(before("sjf_bottleneck", one, other));
}

TEST(EarliestTransferDeadlineFirst, LeavesTimeForCopyAndCompute) {
  RequestView one = view(0, 5.0, 3000, 300, 0.30, 0.02);
  RequestView other = view(0, 5.1, 3000, 300, 0.30, 0.10);
  one.copy = Seconds{0.1};
  other.copy = Seconds{0.15};
  EXPECT_TRUE(before("edf", one, other));
  EXPECT_TRUE(before("edf_transfer", other, one)) << "4.85 s against 4.88 s";
  EXPECT_TRUE(before("edf_transfer", one, view(0, -1, 1, 1, 0, 0)));
}

TEST(OrderPolicy, RefusesNegativeAgeing) {
  EXPECT_THROW(make_order("fifo", -1.0), ContractViolation);
}

TEST(OrderPolicy, AgeingLetsAWaitingRequestPassACheaperLateOne) {
  const RequestView dear = view(0, -1, 0, 1000, 0, 0.5);
  const RequestView cheap = view(10, -1, 0, 100, 0, 0.1);
  EXPECT_GT(make_order("sjf_cost", 0)->key(dear), make_order("sjf_cost", 0)->key(cheap));
  EXPECT_LT(make_order("sjf_cost", 0.05)->key(dear), make_order("sjf_cost", 0.05)->key(cheap));
}

class EveryOrder : public ::testing::TestWithParam<unsigned> {
protected:
  static RequestView any(Random& random) {
    return view(100 * random.uniform(), random.below(3) == 0 ? -1 : 200 * random.uniform(),
                static_cast<std::int64_t>(random.below(100'000)),
                static_cast<std::int64_t>(random.below(5'000)), random.uniform(), random.uniform());
  }
};

// Property: what ageing does to a pair, `plain - ageing * waited`, sorts the same at every date,
// and as the key says; so a key need never be computed again.
TEST_P(EveryOrder, AgeingKeepsTheOrderOfTwoThatBothWait) {
  Random random(GetParam());
  for (const auto& entry : orders()) {
    const double ageing = 3 * random.uniform();
    const auto plain = make_order(entry.name, 0);
    const auto aged = make_order(entry.name, ageing);
    for (int pair = 0; pair < 20; ++pair) {
      const RequestView a = any(random);
      const RequestView b = any(random);
      const double by_key = aged->key(a) - aged->key(b);
      for (const double now : {100.0, 150.0, 1e4}) {
        const auto at = [&](const RequestView& v) {
          return plain->key(v) - ageing * (now - seconds_of(v.arrival));
        };
        const double difference = at(a) - at(b);
        if (std::abs(difference) < 1e-4) continue;  // equal but for rounding
        EXPECT_EQ(by_key < 0, difference < 0) << entry.name;
      }
    }
  }
}

// Property: a key is a function of the view.
TEST_P(EveryOrder, KeyIsFiniteAndRepeats) {
  Random random(GetParam(), 1);
  for (const auto& entry : orders()) {
    const auto order = make_order(entry.name, random.uniform());
    const auto twin = make_order(entry.name, 0);
    for (int i = 0; i < 20; ++i) {
      const RequestView one = any(random);
      EXPECT_TRUE(std::isfinite(order->key(one))) << entry.name;
      EXPECT_EQ(order->key(one), order->key(one)) << entry.name;
      EXPECT_EQ(twin->key(one), make_order(entry.name, 0)->key(one)) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryOrder, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::policies
