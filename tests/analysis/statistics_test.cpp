#include "analysis/statistics.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::analysis {
namespace {

TEST(Quantile, InterpolatesBetweenOrderStatisticsAsNumpyDoes) {
  const std::vector<double> values = {10, 20, 30, 40};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 10);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 25);     // numpy.percentile(values, 50)
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 37);     // numpy.percentile(values, 90)
  EXPECT_DOUBLE_EQ(quantile(values, 0.99), 39.7);  // numpy.percentile(values, 99)
  EXPECT_DOUBLE_EQ(quantile(values, 1), 40);
}

TEST(Quantile, OfOneValueIsThatValue) {
  EXPECT_EQ(quantile(std::vector<double>{3}, 0.99), 3);
}

TEST(SpreadOf, DoesNotDependOnTheOrderOfItsValues) {
  std::vector<double> values;
  Random random(1);
  for (int i = 0; i < 1000; ++i) values.push_back(random.uniform() * 1e3 + 1e-7);
  const Spread forward = spread_of(values);
  const Spread backward = spread_of({values.rbegin(), values.rend()});
  EXPECT_EQ(forward, backward);
}

TEST(SpreadOf, GivesTheDeviationOfTheSample) {
  const Spread spread = spread_of({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(spread.mean, 5);
  EXPECT_NEAR(spread.std_dev, std::sqrt(32.0 / 7), 1e-12);
  EXPECT_EQ(spread.count, 8);
}

TEST(SpreadOf, OfNothingCountsNothing) {
  EXPECT_EQ(spread_of({}).count, 0);
}

TEST(Wilson, EqualsThePublishedExample) {
  // Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81 of 263 gives 0.2553 to 0.3662.
  const Interval interval = wilson_95(81, 263);
  EXPECT_NEAR(interval.low, 0.2553, 5e-5);
  EXPECT_NEAR(interval.high, 0.3662, 5e-5);
}

TEST(Wilson, StaysWithinZeroAndOne) {
  EXPECT_EQ(wilson_95(0, 20).low, 0);
  EXPECT_NEAR(wilson_95(0, 20).high, 0.1611, 5e-5);  // the same table's kind: z^2 / (n + z^2)
  EXPECT_EQ(wilson_95(20, 20).high, 1);
}

class BootstrapProperty : public ::testing::TestWithParam<unsigned> {};

// Property: for independent values the interval is that of the normal approximation, and it is
// wider when the values of a cluster are alike.
TEST_P(BootstrapProperty, WidensWithTheLikenessWithinClusters) {
  Random random(GetParam());
  std::vector<Cluster> alone;
  std::vector<Cluster> together;
  for (int cluster = 0; cluster < 200; ++cluster) {
    const double shared = random.normal();
    Cluster sum;
    for (int i = 0; i < 10; ++i) {
      alone.push_back({random.normal(), 1});
      sum.sum += shared + 0.1 * random.normal();
      sum.count += 1;
    }
    together.push_back(sum);
  }
  const auto width = [](const Interval& interval) { return interval.high - interval.low; };
  const double independent = 2 * 1.96 / std::sqrt(2000.0);
  EXPECT_NEAR(width(bootstrap_mean_95(alone)), independent, 0.15 * independent);
  const double clustered = 2 * 1.96 / std::sqrt(200.0);
  EXPECT_NEAR(width(bootstrap_mean_95(together)), clustered, 0.25 * clustered);
}

INSTANTIATE_TEST_SUITE_P(Seed, BootstrapProperty, ::testing::Range(0U, 10U));

TEST(Bootstrap, GivesTheSameIntervalEachTime) {
  const std::vector<Cluster> clusters = {{1, 2}, {5, 1}, {-3, 4}, {2, 2}};
  EXPECT_EQ(bootstrap_mean_95(clusters), bootstrap_mean_95(clusters));
}

}  // namespace
}  // namespace calvo::analysis
