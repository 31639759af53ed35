// Intervals and tests held to what they promise, on data whose truth is known.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/group_comparison.hpp"
#include "core/random.hpp"

namespace calvo::analysis {
namespace {

struct Model {
  std::string name;
  double mean = 0;
  std::function<double(Random&)> draw;
};

const std::vector<Model> models = {
    {"Normal", 3, [](Random& random) { return 3 + random.normal(); }},
    {"Exponential", 1, [](Random& random) { return random.exponential(1); }},
    // A mean TTFT near saturation over seeds.
    {"Lognormal", 1, [](Random& random) { return random.lognormal(1, 0.7); }},
    // Attainment: 100 requests a run, each run with a luck of its own.
    {"Attainment", 0.9,
     [](Random& random) {
       const double bad = random.gamma(1, 1);
       const double good = random.gamma(9, 1);
       int met = 0;
       for (int i = 0; i < 100; ++i) met += random.uniform() < good / (good + bad) ? 1 : 0;
       return met / 100.0;
     }},
};

class Coverage : public ::testing::TestWithParam<std::tuple<std::size_t, int>> {};

TEST_P(Coverage, OfAMeanIs90To97Percent) {
  const auto& [number, runs] = GetParam();
  const Model& model = models[number];
  constexpr int repeats = 1'000;
  int covered = 0;
  for (std::uint64_t repeat = 0; repeat < repeats; ++repeat) {
    Random random(repeat, 5);
    std::vector<double> values;
    for (int i = 0; i < runs; ++i) values.push_back(model.draw(random));
    const Interval interval = *mean_interval(values).interval;
    covered += interval.low <= model.mean && model.mean <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, 900);
  EXPECT_LE(covered, 975) << "97 % and the chance of 1,000 repeats";
}

INSTANTIATE_TEST_SUITE_P(Model, Coverage,
                         ::testing::Combine(::testing::Range<std::size_t>(0, 4),
                                            ::testing::Values(5, 10, 20)),
                         [](const auto& each) {
                           return models[std::get<0>(each.param)].name + "Of" +
                                  std::to_string(std::get<1>(each.param));
                         });

PointResult result(double ttft) {
  Summary summary;
  summary.ttft.count = 1;
  summary.ttft.mean = ttft;
  return result_of(summary);
}

/// How often compare calls something significant that is chance only. `engines` besides the
/// reference; `value(random, engine)` is a run's mean TTFT.
double false_positives(int engines, int runs, bool same_seeds,
                       const std::function<double(Random&, Random&)>& value) {
  constexpr int repeats = 400;
  int wrong = 0;
  for (std::uint64_t repeat = 0; repeat < repeats; ++repeat) {
    std::vector<RunGroup> groups;
    for (int engine = 0; engine <= engines; ++engine) {
      RunGroup group{"e" + std::to_string(engine), {}};
      for (int run = 0; run < runs; ++run) {
        const int seed = same_seeds ? run : engine * runs + run;
        Random workload(repeat, static_cast<std::uint64_t>(seed));
        Random ties(repeat, 1'000'000 + static_cast<std::uint64_t>(engine * runs + run));
        group.samples.push_back(
            {"", static_cast<std::uint64_t>(seed), result(value(workload, ties))});
      }
      groups.push_back(std::move(group));
    }
    const GroupComparison comparison = compare_groups(groups, {"mean_ttft_ms"});
    bool any = false;
    for (const GroupValue& each : comparison.values) {
      if (!each.vs_first) continue;
      EXPECT_EQ(each.vs_first->paired, same_seeds);
      any = any || each.significant();
    }
    wrong += any ? 1 : 0;
  }
  return static_cast<double>(wrong) / repeats;
}

TEST(MeanInterval, EndsWhereTheMeanCanLie) {
  const std::vector<double> attained = {0.7, 1, 1, 1, 1};
  const MeanInterval free = mean_interval(attained);
  ASSERT_GT(free.interval->high, 1);
  const MeanInterval share = mean_interval(attained, 0.95, possible_range("slo_attainment"));
  EXPECT_EQ(share.interval->high, 1);
  EXPECT_EQ(share.interval->low, free.interval->low);
  const MeanInterval late =
      mean_interval(std::vector<double>{1, 2, 90}, 0.95, possible_range("mean_ttft_ms"));
  EXPECT_EQ(late.interval->low, 0);
  EXPECT_GT(late.interval->high, 90);
}

/// Of `runs` values, `differing` are `by`, all others 0.
std::vector<double> differing_runs(std::size_t runs, std::size_t differing, double by) {
  std::vector<double> values(runs, 0.0);
  std::fill_n(values.begin(), differing, by);
  return values;
}

TEST(MeanInterval, OfRunsOfWhichOneDiffersEndsEightStandardErrorsFromTheMeanOnItsSide) {
  for (const std::size_t runs : {5U, 10U, 20U, 40U}) {
    for (const double by : {1e-6, 1.0, -1.0, 1e6}) {
      SCOPED_TRACE(std::to_string(runs) + " runs, one by " + std::to_string(by));
      const std::vector<double> values = differing_runs(runs, 1, by);
      const double mean = by / static_cast<double>(runs);  // and so is the standard error
      for (const Interval& interval :
           {*mean_interval(values).interval, *paired_difference(values).ci95}) {
        EXPECT_NEAR(by > 0 ? interval.high : interval.low, 9 * mean, 1e-9 * std::abs(by));
        EXPECT_LT(interval.low, mean);
        EXPECT_GT(interval.high, mean);
        EXPECT_LT(interval.high - interval.low, 11 * std::abs(mean));
      }
    }
  }
}

TEST(MeanInterval, OfRunsOfWhichTwoDifferIsFiniteAndHoldsTheMean) {
  for (const std::size_t runs : {5U, 10U, 20U, 40U}) {
    for (const double by : {1e-6, 1.0, -1.0, 1e6}) {
      SCOPED_TRACE(std::to_string(runs) + " runs, two by " + std::to_string(by));
      const std::vector<double> values = differing_runs(runs, 2, by);
      const MeanInterval found = mean_interval(values);
      const double error = found.std_dev / std::sqrt(static_cast<double>(runs));
      for (const Interval& interval : {*found.interval, *paired_difference(values).ci95}) {
        EXPECT_LT(interval.low, found.mean);
        EXPECT_GT(interval.high, found.mean);
        EXPECT_LT(interval.high - interval.low, 16 * error);
      }
    }
  }
}

TEST(MeanInterval, OfASideOfWhichOneRunDiffersIsFinite) {
  const std::vector<double> ours = differing_runs(10, 1, 1);
  const std::vector<double> theirs = differing_runs(10, 1, -1e-3);
  const Difference found = unpaired_difference(ours, theirs);
  EXPECT_LT(found.ci95->low, 0);
  EXPECT_GT(found.ci95->high, found.mean);
  EXPECT_LT(found.ci95->high, 0.91);
}

// Something happens in one run of twenty, and is anything from nothing to several times its mean.
// Twenty runs in which it has not happened are all alike and say nothing of it: so an interval can
// hold the truth in two of three cases at most, 1 - 0.95^20. Where it has happened, the interval is
// right a little less often than 95 %: a run that differs a little does not say how much others
// will.
TEST(MeanInterval, OfRareEventsHoldsTheTruthIn90PercentOfTheCasesThatHaveSeenOne) {
  constexpr int repeats = 500;
  int seen = 0;
  int covered = 0;
  for (std::uint64_t repeat = 0; repeat < repeats; ++repeat) {
    Random random(repeat, 6);
    std::vector<double> values(20);
    for (double& value : values) value = random.uniform() < 0.05 ? random.exponential(1) : 0;
    const Interval interval = *mean_interval(values).interval;
    const bool any = std::ranges::any_of(values, [](double value) { return value > 0; });
    seen += any ? 1 : 0;
    covered += interval.low <= 0.05 && 0.05 <= interval.high ? 1 : 0;
    EXPECT_EQ(interval.high > 0, any);
  }
  EXPECT_NEAR(seen, repeats * (1 - std::pow(0.95, 20)), 0.07 * repeats);
  EXPECT_GE(covered, 0.9 * seen);
  EXPECT_LE(covered, 0.97 * seen) << "then say more of it above";
}

TEST(FalsePositives, OfTheSameEngineWithOtherSeedsAreAtMost7Percent) {
  EXPECT_LE(
      false_positives(1, 10, false,
                      [](Random& workload, Random&) { return workload.lognormal(1000, 0.7); }),
      0.07);
}

// Of two engines that nearly always do the same; tests/control/tie_breaks_test.cpp has such
// engines.
TEST(FalsePositives, OfPairsThatAreMostlyEqualAreAtMost7Percent) {
  EXPECT_LE(false_positives(1, 10, true,
                            [](Random& workload, Random& ties) {
                              const double base = workload.lognormal(1000, 0.7);
                              return ties.uniform() < 0.3 ? base * (1 + 0.01 * ties.normal())
                                                          : base;
                            }),
            0.07);
}

TEST(FalsePositives, OfSixEnginesTogetherAreAtMost7Percent) {
  EXPECT_LE(false_positives(6, 8, true,
                            [](Random& workload, Random& ties) {
                              return workload.lognormal(1000, 0.7) + ties.exponential(50);
                            }),
            0.07);
}

}  // namespace
}  // namespace calvo::analysis
