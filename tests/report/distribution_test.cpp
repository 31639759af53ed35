#include "report/distribution.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "report/sources.hpp"
#include "tests/report/fixture.hpp"

namespace calvo::report {
namespace {

using ::testing::ElementsAre;
using Json = nlohmann::ordered_json;

/// Share of the candidates whose value is at most `limit`, as the page reads it off.
double share_within(const Json& function, double limit) {
  double count = 0;
  for (std::size_t i = 0; i < function["values"].size(); ++i) {
    if (function["values"][i] <= limit) count = function["counts"][i];
  }
  return count / function["of"].get<double>();
}

Sources sources_of(const Folder& folder, const MadeRun& made) {
  make_run(folder / "run", made);
  return read_sources(std::vector{folder / "run"});
}

TEST(DistributionFunction, CountsWhatIsAtOrBelowEachValue) {
  const Json function = distribution_function({3, 1, 2, 2}, 5, {});
  EXPECT_EQ(function["of"], 5);
  EXPECT_THAT(function["values"], ElementsAre(1, 2, 3));
  EXPECT_THAT(function["counts"], ElementsAre(1, 3, 4));
}

TEST(DistributionFunction, OfNothingIsEmpty) {
  const Json function = distribution_function({}, 3, {});
  EXPECT_EQ(function.dump(), R"({"of":3,"values":[],"counts":[],"quantiles":[]})");
}

TEST(DistributionFunction, IsExactAtItsPointsAndItsLimitsHoweverManyValuesThereAre) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed, 1);
    std::vector<double> values(1 + random.below(5000));
    // Few distinct values, so that many are equal, limits among them.
    for (double& value : values) value = static_cast<double>(random.below(3000)) / 1000;
    const std::size_t of = values.size() + random.below(100);
    const std::vector<double> limits = {1.0, 3 * random.uniform()};
    const Json function = distribution_function(values, of, limits);
    const auto counted = [&](double limit) {
      return static_cast<double>(
                 std::ranges::count_if(values, [&](double value) { return value <= limit; })) /
             static_cast<double>(of);
    };
    for (const double limit : limits) {
      EXPECT_EQ(share_within(function, limit), counted(limit)) << "seed " << seed;
    }
    for (const double value : function["values"]) {
      ASSERT_EQ(share_within(function, value), counted(value)) << "seed " << seed;
    }
    for (int i = 0; i < 20; ++i) {
      const double limit = 3 * random.uniform();
      EXPECT_NEAR(share_within(function, limit), counted(limit), 0.0051) << "seed " << seed;
    }
    EXPECT_LT(function["values"].size(), 405U);
    EXPECT_EQ(function["values"].back(), std::ranges::max(values));
    EXPECT_EQ(function["quantiles"].back(), std::ranges::max(values));
  }
}

TEST(Distribution, WithinTheDeadlineIsTheAttainmentOfTheSummary) {
  const Folder folder;
  for (const int requests : {1, 7, 40, 900}) {
    // TTFT grows by this a request: about half of them are in time, one exactly.
    const Sources sources =
        sources_of(folder, {.requests = requests, .ttft_ms = std::max(1, 2000 / (requests + 1))});
    const Json distribution = distribution_of(group_runs(sources.runs)[0]);
    const auto attainment = sources.runs[0].run.summary.slo_attainment;
    ASSERT_TRUE(attainment);
    EXPECT_EQ(share_within(distribution["to_deadline"], 1), *attainment) << requests;
    EXPECT_EQ(share_within(distribution["ttft_s"], 1.0), *attainment) << requests;
    std::filesystem::remove_all(folder / "run");
  }
}

TEST(Distribution, CountsThoseThatDidNotCompleteAndNotThoseThatWereCancelled) {
  const Folder folder;
  Sources sources = sources_of(folder, {.requests = 6, .ttft_ms = 250});
  auto& rows = sources.runs[0].run.requests;
  rows[0].outcome = Outcome::cancelled;
  rows[1].outcome = Outcome::unfinished;  // with a first token in time
  rows[2].outcome = Outcome::rejected;
  rows[2].ttft_s.reset();
  rows[2].stages_s.reset();
  const Json distribution = distribution_of(group_runs(sources.runs)[0]);
  EXPECT_EQ(distribution["ttft_s"]["of"], 5);
  EXPECT_THAT(distribution["ttft_s"]["values"], ElementsAre(1.0, 1.25, 1.5));
  EXPECT_EQ(distribution["to_deadline"]["of"], 5);
  EXPECT_EQ(share_within(distribution["to_deadline"], 1), 1.0 / 5);
  EXPECT_THAT(distribution["deadline_s"], ElementsAre(1.0, 1.0, 1.0));
}

TEST(Distribution, LeavesOutWhatArrivedDuringTheWarmUpToTheNanosecond) {
  const Folder folder;
  Sources sources = sources_of(folder, {.requests = 4});
  auto& run = sources.runs[0].run;
  run.summary.labels.warm_up = Nanoseconds{1'100'000'001};
  run.requests[0].arrival_s = 1.1;
  run.requests[1].arrival_s = 1.100000001;
  EXPECT_EQ(distribution_of(group_runs(sources.runs)[0])["ttft_s"]["of"], 3);
}

}  // namespace
}  // namespace calvo::report
