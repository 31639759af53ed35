// Intervals and tests held to what they promise, on data whose truth is known.
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

TEST(FalsePositives, OfTheSameEngineWithOtherSeedsAreAtMost7Percent) {
  EXPECT_LE(
      false_positives(1, 10, false,
                      [](Random& workload, Random&) { return workload.lognormal(1000, 0.7); }),
      0.07);
}

TEST(FalsePositives, OfEnginesThatDifferInTieBreaksOnlyAreAtMost7Percent) {
  // Most runs come to the same; in some a few requests have changed places.
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
