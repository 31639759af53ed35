#include "analysis/validation_statistics.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<double> first_weight(const Weights& weights) {
  return {static_cast<double>(weights[0])};
}

TEST(ResampleRuns, DrawsAsManyRepeatsAsThereAre) {
  const auto draws = resample_runs(5, 1, [](const Weights& weights) {
    double sum = 0;
    for (const std::int64_t weight : weights) sum += static_cast<double>(weight);
    return std::vector<double>{sum};
  });
  ASSERT_EQ(draws.size(), 2000U);
  for (const auto& draw : draws) EXPECT_EQ(draw, std::vector<double>{5});
}

TEST(ResampleRuns, OfTwoRepeatsTheFirstIsDrawnNeverOnceAndTwiceAsOneTwoOne) {
  double counts[3] = {};
  for (const auto& draw : resample_runs(2, 7, first_weight)) {
    counts[static_cast<std::size_t>(draw[0])] += 1;
  }
  // Binomial with 2,000 trials: standard deviations 19 and 22; these bounds are beyond five.
  EXPECT_NEAR(counts[0], 500, 100);
  EXPECT_NEAR(counts[1], 1000, 115);
  EXPECT_NEAR(counts[2], 500, 100);
}

TEST(ResampleRuns, TheSameStreamGivesTheSameDrawsAndAnotherOneOthers) {
  EXPECT_EQ(resample_runs(4, 3, first_weight), resample_runs(4, 3, first_weight));
  EXPECT_NE(resample_runs(4, 3, first_weight), resample_runs(4, 4, first_weight));
}

TEST(ResampleRuns, EvaluatesEachMultisetOnce) {
  int calls = 0;
  resample_runs(3, 1, [&](const Weights&) {
    calls += 1;
    return std::vector<double>{0};
  });
  EXPECT_EQ(calls, 10);  // multisets of size 3 over 3
}

TEST(Middle95, LeavesOutTwoAndAHalfPercentOnEachSide) {
  std::vector<double> draws;
  for (int i = 200; i >= 0; --i) draws.push_back(i);
  EXPECT_EQ(middle_95(draws), (Interval{5, 195}));
}

class PooledQuantileProperty : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PooledQuantileProperty, IsTheQuantileOfEachValueWrittenOutAsOftenAsItCounts) {
  Random random(GetParam());
  const Weights weights = {static_cast<std::int64_t>(random.below(3)), 1,
                           static_cast<std::int64_t>(random.below(4))};
  std::vector<PooledValue> pooled;
  std::vector<double> written_out;
  const std::uint64_t values = 1 + random.below(30);
  for (std::uint64_t i = 0; i < values; ++i) {
    const PooledValue value{static_cast<double>(random.below(12)),
                            i == 0 ? 1 : static_cast<std::uint32_t>(random.below(3))};
    pooled.push_back(value);
    for (std::int64_t n = 0; n < weights[value.repeat]; ++n) written_out.push_back(value.value);
  }
  std::ranges::sort(pooled, {}, [](const PooledValue& value) { return value.value; });
  std::ranges::sort(written_out);
  for (const double q : {0.0, 0.25, 0.5, 0.9, 0.99, 1.0}) {
    EXPECT_DOUBLE_EQ(pooled_quantile(pooled, weights, q), quantile(written_out, q)) << q;
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, PooledQuantileProperty, ::testing::Range<std::uint64_t>(0, 50));

TEST(PooledQuantile, NeedsAValueThatCounts) {
  const std::vector<PooledValue> values = {{1, 0}};
  EXPECT_THROW(pooled_quantile(values, {0, 5}, 0.5), ContractViolation);
}

TEST(Pearson, IsOneOnALineMinusOneOnAFallingOneAndNothingOnAConstant) {
  using Pairs = std::vector<std::pair<double, double>>;
  EXPECT_DOUBLE_EQ(*pearson(Pairs{{1, 10}, {2, 20}, {3, 30}}), 1);
  EXPECT_DOUBLE_EQ(*pearson(Pairs{{1, 3}, {2, 2}, {3, 1}}), -1);
  // Means 2 and 2; products 1, 0, 0 over squares 2 and 2.
  EXPECT_DOUBLE_EQ(*pearson(Pairs{{1, 1}, {2, 3}, {3, 2}}), 0.5);
  EXPECT_EQ(pearson(Pairs{{1, 1}, {1, 2}}), std::nullopt);
  EXPECT_EQ(pearson(Pairs{{1, 1}}), std::nullopt);
}

Ranked engine(const std::string& name, double simulated, double real, double half_width) {
  return {name, simulated, real, Interval{real - half_width, real + half_width}};
}

TEST(RankAgreement, IsOneForTheSameOrder) {
  const std::vector<Ranked> engines = {engine("a", 10, 1, 0.1), engine("b", 20, 2, 0.1),
                                       engine("c", 30, 3, 0.1)};
  const RankAgreement agreement = rank_agreement(engines);
  EXPECT_EQ(agreement.pairs, 3);
  EXPECT_EQ(agreement.significant, 3);
  EXPECT_EQ(agreement.agreeing, 3);
  EXPECT_THAT(agreement.flipped, IsEmpty());
  EXPECT_DOUBLE_EQ(*agreement.tau_b, 1);
}

TEST(RankAgreement, NamesThePairsThatAreFlipped) {
  // a < b < c for real; the simulator swaps b and c.
  const std::vector<Ranked> engines = {engine("a", 1, 1, 0.1), engine("b", 3, 2, 0.1),
                                       engine("c", 2, 3, 0.1)};
  const RankAgreement agreement = rank_agreement(engines);
  EXPECT_THAT(agreement.flipped, ElementsAre(Pair("b", "c")));
  EXPECT_DOUBLE_EQ(*agreement.tau_b, 1.0 / 3);  // (2 - 1) / 3
}

TEST(RankAgreement, CountsOnlyPairsThatReallyDiffer) {
  // b and c overlap, so that the simulator may order them as it likes.
  const std::vector<Ranked> engines = {engine("a", 1, 1, 0.1), engine("b", 3, 2, 0.6),
                                       engine("c", 2, 3, 0.6)};
  const RankAgreement agreement = rank_agreement(engines);
  EXPECT_EQ(agreement.significant, 2);
  EXPECT_THAT(agreement.flipped, IsEmpty());
  EXPECT_DOUBLE_EQ(*agreement.tau_b, 1);
}

TEST(RankAgreement, ATieOfTheSimulatorCostsSomeTau) {
  const std::vector<Ranked> engines = {engine("a", 1, 1, 0.1), engine("b", 1, 2, 0.1),
                                       engine("c", 2, 3, 0.1)};
  const RankAgreement agreement = rank_agreement(engines);
  EXPECT_EQ(agreement.tied, 1);
  EXPECT_DOUBLE_EQ(*agreement.tau_b, 2 / std::sqrt(2.0 * 3.0));
}

TEST(RankAgreement, SaysNothingWhereNothingDiffers) {
  const RankAgreement agreement =
      rank_agreement(std::vector<Ranked>{engine("a", 1, 1, 5), engine("b", 2, 2, 5)});
  EXPECT_EQ(agreement.significant, 0);
  EXPECT_EQ(agreement.tau_b, std::nullopt);
  const RankAgreement alone =
      rank_agreement(std::vector<Ranked>{{"a", 1, 1, std::nullopt}, {"b", 2, 9, Interval{9, 9}}});
  EXPECT_EQ(alone.significant, 0) << "one repeat has no interval";
}

}  // namespace
}  // namespace calvo::analysis
