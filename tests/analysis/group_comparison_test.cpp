#include "analysis/group_comparison.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/student_t.hpp"

namespace calvo::analysis {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

RunGroup group(const std::string& name, const std::vector<double>& ttfts, std::uint64_t first = 1) {
  RunGroup result{name, {}};
  for (const double ttft : ttfts) {
    Summary summary;
    summary.ttft.count = 1;
    summary.ttft.mean = ttft;
    result.samples.push_back({"", first++, result_of(summary)});
  }
  return result;
}

TEST(StudentT, HasTheQuantilesOfTheTables) {
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.262157, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.995, 4), 4.604095, 1e-6);
  EXPECT_NEAR(student_t_two_sided(2.262157, 9), 0.05, 1e-7);
  EXPECT_EQ(student_t_two_sided(INFINITY, 3), 0);
}

TEST(MeanInterval, IsStudentsForFewValues) {
  const std::vector<double> values = {1, 2, 3, 4};
  const MeanInterval mean = mean_interval(values);
  EXPECT_DOUBLE_EQ(mean.mean, 2.5);
  EXPECT_NEAR(mean.interval->high - 2.5, 3.182446 * mean.std_dev / 2, 1e-5);
  EXPECT_NEAR(2.5 - mean.interval->low, 3.182446 * mean.std_dev / 2, 1e-5);
  EXPECT_FALSE(mean_interval(std::vector<double>{7}).interval);
}

TEST(MeanInterval, IsNeverNarrowerThanStudentsAndLeansToTheLongTail) {
  const std::vector<double> values = {1, 1.1, 1.2, 0.9, 1, 1.3, 0.8, 1, 1.1, 9};
  const MeanInterval mean = mean_interval(values);
  const double half = student_t_quantile(0.975, 9) * mean.std_dev / std::sqrt(10.0);
  EXPECT_LE(mean.interval->low, mean.mean - half + 1e-12);
  EXPECT_GT(mean.interval->high, mean.mean + 1.2 * half);
}

TEST(MeanInterval, OfEqualValuesIsAPoint) {
  const std::vector<double> values(10, 0.1);
  EXPECT_EQ(mean_interval(values).interval->low, mean_interval(values).interval->high);
}

TEST(Holm, StepsDown) {
  EXPECT_THAT(holm(std::vector<double>{0.01, 0.04, 0.03, 0.5}),
              ElementsAre(DoubleNear(0.04, 1e-12), DoubleNear(0.09, 1e-12), DoubleNear(0.09, 1e-12),
                          DoubleNear(0.5, 1e-12)));
}

TEST(GroupComparison, PairsRunsOfOneSeed) {
  const std::vector<double> slow = {900, 1200, 700, 2000, 1500, 1000};
  std::vector<double> quick;
  for (const double ttft : slow) quick.push_back(ttft - 100 - 0.01 * ttft);
  const auto paired = compare_groups({group("a", slow), group("b", quick)}, {"mean_ttft_ms"});
  ASSERT_EQ(paired.values.size(), 2);
  EXPECT_TRUE(paired.values[1].vs_first->paired);
  EXPECT_TRUE(paired.values[1].significant()) << "each run is quicker";
  const auto apart = compare_groups({group("a", slow), group("b", quick, 11)}, {"mean_ttft_ms"});
  EXPECT_FALSE(apart.values[1].vs_first->paired);
  EXPECT_FALSE(apart.values[1].significant()) << "the spread of the seeds hides it";
  EXPECT_NEAR(paired.values[1].vs_first->mean, apart.values[1].vs_first->mean, 1e-9);
}

TEST(GroupComparison, TakesRepeatsOfOneSeedAsIndependent) {
  RunGroup repeats = group("b", {10, 11, 12});
  for (RunSample& sample : repeats.samples) sample.seed = 1;
  const auto comparison = compare_groups({group("a", {10, 11, 12}), repeats}, {"mean_ttft_ms"});
  EXPECT_FALSE(comparison.values[1].vs_first->paired);
}

TEST(GroupComparison, SaysWhereSingleRunsHaveNoInterval) {
  const auto comparison = compare_groups({group("a", {10}), group("b", {12})}, {"mean_ttft_ms"});
  EXPECT_EQ(to_text(comparison, TableFormat::text),
            "runs  n  mean_ttft_ms  [95 %]  against a  [95 %]  p\n"
            "a     1        10.000       -\n"
            "b     1        12.000       -     +2.000       -  -\n"
            "\n"
            "Differences are paired by seed. * significant at 5 % after Holm's correction for 1 "
            "test of a metric; p is so corrected, the intervals are not.\n"
            "warning: 1 difference is of single runs, which no interval can be given of; simulate "
            "more seeds\n");
}

TEST(GroupComparison, TakesEachStepOfALadderFromTheOneBeforeThatRanUnderTheSameSettings) {
  const auto under = [](RunGroup runs, const std::string& settings) {
    for (RunSample& sample : runs.samples) sample.settings = settings;
    return runs;
  };
  RunGroup both = under(group("a", {10, 12}), "x");
  for (RunSample& sample : under(group("a", {1, 3}), "y").samples) both.samples.push_back(sample);
  RunGroup last = under(group("c", {40, 42}), "x");
  for (RunSample& sample : under(group("c", {5, 7}), "y").samples) last.samples.push_back(sample);
  const auto steps = compare_groups({both, under(group("b", {20, 22}), "x"), last},
                                    {"mean_ttft_ms"}, Against::previous);
  ASSERT_EQ(steps.values.size(), 5);
  EXPECT_FALSE(steps.values[0].vs_first);
  EXPECT_NEAR(steps.values[1].vs_first->mean, 10, 1e-9);
  EXPECT_NEAR(steps.values[2].vs_first->mean, 20, 1e-9) << "c less b";
  EXPECT_FALSE(steps.values[3].vs_first);
  EXPECT_NEAR(steps.values[4].vs_first->mean, 4, 1e-9) << "c less a, b has no such runs";
  EXPECT_THAT(to_text(steps, TableFormat::text), ::testing::HasSubstr("against the one before"));
  EXPECT_TRUE(to_json(steps)["reference"].is_null());
}

TEST(GroupComparison, EndsDifferencesOfSharesWhereSharesEnd) {
  const auto shares = [](const std::string& name, const std::vector<double>& attained) {
    RunGroup result = group(name, std::vector<double>(attained.size(), 1));
    for (std::size_t i = 0; i < attained.size(); ++i) {
      result.samples[i].result.metrics[metric_index("slo_attainment")] = attained[i];
    }
    return result;
  };
  const auto up = compare_groups({shares("a", {0.9, 0}), shares("b", {1, 1})}, {"slo_attainment"});
  EXPECT_EQ(*up.values[1].vs_first->ci95, (Interval{-1, 1}));
  EXPECT_THAT(to_text(up, TableFormat::text), ::testing::HasSubstr("+55.0  [-100.0, +100.0]"));
  const auto times = compare_groups({group("a", {10, 900}), group("b", {1, 1})}, {"mean_ttft_ms"});
  EXPECT_GT(times.values[1].vs_first->ci95->high, 1000) << "times have no such end";
}

TEST(GroupComparison, TellsOfRunsThatWereInterrupted) {
  RunGroup cut = group("b", {20, 22, 24});
  cut.samples[1].result.complete = false;
  const auto one = compare_groups({group("a", {10, 12, 14}), cut}, {"mean_ttft_ms"});
  EXPECT_THAT(one.warnings, ElementsAre("b: 1 of 3 runs was interrupted: not complete (seed 2)"));
  cut.samples[2].result.complete = false;
  const auto two = compare_groups({group("a", {10, 12, 14}), cut}, {"mean_ttft_ms"});
  EXPECT_THAT(to_text(two, TableFormat::text),
              ::testing::EndsWith(
                  "\nwarning: b: 2 of 3 runs were interrupted: not complete (seeds 2, 3)\n"));
}

TEST(GroupComparison, IsATableInEachFormat) {
  const auto comparison =
      compare_groups({group("a_1", {10, 12}), group("b", {20, 22})}, {"mean_ttft_ms"});
  EXPECT_THAT(to_text(comparison, TableFormat::markdown),
              ::testing::StartsWith(
                  "| runs | n | mean\\_ttft\\_ms | [95 %] | against a\\_1 | [95 %] | p |  |\n"
                  "|---|---:|---:|---:|---:|---:|---:|---:|\n"
                  "| a\\_1 | 2 | 11.000 | [0.000, 23.706] |  |  |  |  |\n"
                  "| b | 2 | 21.000 | [8.294, 33.706] | +10.000 | [+10.000, +10.000] | < 0.001 | "
                  "\\* |\n"));
  EXPECT_THAT(to_text(comparison, TableFormat::latex),
              ::testing::StartsWith("\\begin{tabular}{lrrrrrrr}\n\\toprule\n"
                                    "runs & n & mean\\_ttft\\_ms & [95 \\%] & against a\\_1"));
}

TEST(GroupComparison, IsOneTableOfAllNumbersAsCsv) {
  const auto comparison =
      compare_groups({group("a", {10}), group("b, c", {12})}, {"mean_ttft_ms", "median_ttft_ms"});
  EXPECT_EQ(to_text(comparison, TableFormat::csv),
            "metric,settings,runs,n,mean,ci95_low,ci95_high,difference,difference_ci95_low,"
            "difference_ci95_high,paired,p,adjusted_p,significant\n"
            "mean_ttft_ms,,a,1,10,,,,,,,,,\n"
            "mean_ttft_ms,,\"b, c\",1,12,,,2,,,1,,,\n"
            "median_ttft_ms,,a,1,0,,,,,,,,,\n"
            "median_ttft_ms,,\"b, c\",1,0,,,0,,,1,,,\n");
  const auto seeds = to_text(
      compare_groups({group("a", {10, 12, 15}), group("b", {20, 23, 24})}, {"mean_ttft_ms"}),
      TableFormat::csv);
  EXPECT_THAT(seeds,
              ::testing::MatchesRegex("metric,[a-z0-9_,]*\n"
                                      "mean_ttft_ms,,a,3,12[0-9.]*,[0-9.]*,[0-9.]*,,,,,,,\n"
                                      "mean_ttft_ms,,b,3,22[0-9.]*,[0-9.]*,[0-9.]*,10,[0-9.]*,"
                                      "[0-9.]*,1,[0-9.e-]*,[0-9.e-]*,1\n"));
}

}  // namespace
}  // namespace calvo::analysis
