#include "analysis/validation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "tests/analysis/fixture.hpp"
#include "tests/analysis/validation_fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::real;
using testing::simulated;

/// The simulator says 100, 200 and 300 ms; one real run took a tenth more, the other a tenth less.
std::vector<ValidationRun> around_200_ms() {
  return {simulated({100, 200, 300}, 200), real(1, {110, 220, 330}, 200),
          real(2, {90, 180, 270}, 200)};
}

Measures measures_of(const std::vector<ValidationRun>& runs) {
  return *validate(runs, {}).cells.at(0).measures;
}

void expect_interval(const std::optional<Interval>& interval, double low, double high) {
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, low, 1e-12);
  EXPECT_NEAR(interval->high, high, 1e-12);
}

TEST(Validate, ComparesMeansOfAllRepeatsTogether) {
  const Residual mean = measures_of(around_200_ms()).ttft_mean_ms;
  EXPECT_DOUBLE_EQ(mean.simulated, 200);
  EXPECT_DOUBLE_EQ(mean.real, 200);
  EXPECT_NEAR(mean.error, 0, 1e-12);
  EXPECT_NEAR(*mean.spread, 40.0 / 200, 1e-12);
  // A quarter of the resamples has the first run only, and a quarter the second.
  expect_interval(mean.real_ci95, 180, 220);
  expect_interval(mean.error_ci95, 200.0 / 220 - 1, 200.0 / 180 - 1);
}

TEST(Validate, RefusesATtftOfNothing) {
  for (const std::size_t run : {std::size_t{0}, std::size_t{2}}) {
    auto runs = around_200_ms();
    runs[run].run.requests[1].ttft_s = 0;
    EXPECT_EQ(error_of([&] { validate(runs, {}); }),
              runs[run].run.path +
                  ":0:0: request 1 has a TTFT of 0 s, and each takes some time; run it again");
  }
}

TEST(Validate, ComparesPercentilesOfAllRepeatsTogether) {
  const Measures measures = measures_of(around_200_ms());
  EXPECT_DOUBLE_EQ(measures.ttft_p50_ms.real, 200);       // of 90 110 180 220 270 330
  EXPECT_DOUBLE_EQ(measures.ttft_p90_ms.simulated, 300);  // of 100 100 200 200 300 300
  EXPECT_DOUBLE_EQ(measures.ttft_p90_ms.real, 300);
  EXPECT_NEAR(measures.ttft_p90_ms.error, 0, 1e-12);
  EXPECT_EQ(measures.pooled, 6);
}

TEST(Validate, ComparesAttainmentAtThreeScalesOfTheDeadlines) {
  const auto attainment = *measures_of(around_200_ms()).attainment;
  EXPECT_DOUBLE_EQ(attainment[0].simulated, 1.0 / 3);  // 100 ms
  EXPECT_DOUBLE_EQ(attainment[0].real, 1.0 / 6);
  EXPECT_DOUBLE_EQ(attainment[1].simulated, 2.0 / 3);  // 200 ms
  EXPECT_DOUBLE_EQ(attainment[1].real, 3.0 / 6);
  EXPECT_NEAR(attainment[1].error, 1.0 / 6, 1e-12);
  EXPECT_NEAR(*attainment[1].spread, 1.0 / 3, 1e-12);
  expect_interval(attainment[1].error_ci95, 2.0 / 3 - 2.0 / 3, 2.0 / 3 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(attainment[2].simulated, 1);  // 400 ms
  EXPECT_DOUBLE_EQ(attainment[2].error, 0);
}

TEST(Validate, ComparesRequestByRequest) {
  const RequestErrors errors = measures_of(around_200_ms()).per_request;
  EXPECT_EQ(errors.pairs, 6);
  EXPECT_NEAR(errors.median, (100.0 / 110 - 1 + 100.0 / 90 - 1) / 2, 1e-12);
  EXPECT_NEAR(errors.low_quartile, 100.0 / 110 - 1, 1e-12);
  EXPECT_NEAR(errors.high_quartile, 100.0 / 90 - 1, 1e-12);
  expect_interval(errors.median_ci95, 100.0 / 110 - 1, 100.0 / 90 - 1);
  EXPECT_GT(*errors.pearson_r, 0.9);
}

TEST(Validate, ComparesStageByStage) {
  std::vector<ValidationRun> runs = {simulated({100, 300}), real(1, {100, 300}),
                                     real(2, {100, 300})};
  for (RequestRow& row : runs[1].run.requests) (*row.stages_s)[2] += 0.010;
  const auto stages = measures_of(runs).stages_ms;
  EXPECT_NEAR(stages[2].simulated, 100, 1e-9);  // network: half of 200 ms
  EXPECT_NEAR(stages[2].real, 105, 1e-9);
  EXPECT_NEAR(stages[2].error, -5, 1e-9);
  EXPECT_NEAR(*stages[2].spread, 10, 1e-9);
  EXPECT_NEAR(stages[4].error, 0, 1e-9);
}

class ValidateProperty : public ::testing::TestWithParam<std::uint64_t> {};

std::vector<double> some_ttfts(std::uint64_t seed, std::uint64_t stream, std::size_t count) {
  Random random(seed, stream);
  std::vector<double> ttfts;
  for (std::size_t i = 0; i < count; ++i) ttfts.push_back(random.lognormal(100, 1));
  return ttfts;
}

TEST_P(ValidateProperty, IdenticalRunsHaveNoError) {
  // Interpolated, P99 of 237 values lies elsewhere than that of 1,185.
  const auto ttfts = some_ttfts(GetParam(), 0, 237);
  std::vector<ValidationRun> runs = {simulated(ttfts, 80)};
  for (int i = 1; i <= 5; ++i) runs.push_back(real(i, ttfts, 80));
  const Measures measures = measures_of(runs);
  std::vector<Residual> residuals = {measures.ttft_mean_ms, measures.ttft_p50_ms,
                                     measures.ttft_p90_ms, *measures.ttft_p99_ms};
  residuals.insert(residuals.end(), measures.attainment->begin(), measures.attainment->end());
  residuals.insert(residuals.end(), measures.stages_ms.begin(), measures.stages_ms.end());
  for (const Residual& residual : residuals) {
    EXPECT_EQ(residual.error, 0);
    EXPECT_NEAR(residual.error_ci95->low, 0, 1e-9);
    EXPECT_NEAR(residual.error_ci95->high, 0, 1e-9);
    EXPECT_NEAR(*residual.spread, 0, 1e-9);
  }
  EXPECT_EQ(measures.per_request.median, 0);
  EXPECT_NEAR(*measures.per_request.pearson_r, 1, 1e-12);
}

TEST_P(ValidateProperty, ASimulatorThatIsSlowByAFactorIsOffByIt) {
  const auto ttfts = some_ttfts(GetParam(), 0, 500);
  std::vector<double> slow = ttfts;
  for (double& ttft : slow) ttft *= 1.25;
  const Measures measures = measures_of({simulated(slow), real(1, ttfts), real(2, ttfts)});
  EXPECT_NEAR(measures.ttft_mean_ms.error, 0.25, 1e-9);
  EXPECT_NEAR(measures.ttft_p50_ms.error, 0.25, 1e-9);
  EXPECT_NEAR(measures.ttft_p90_ms.error, 0.25, 1e-9);
  EXPECT_NEAR(measures.ttft_p99_ms->error, 0.25, 1e-9);
  EXPECT_NEAR(measures.per_request.low_quartile, 0.25, 1e-9);
  EXPECT_NEAR(measures.stages_ms[2].error, 0.2 * measures.stages_ms[2].simulated, 1e-6);
}

TEST_P(ValidateProperty, TheOrderOfDirectoriesChangesNoNumber) {
  std::vector<ValidationRun> runs;
  for (int i = 1; i <= 4; ++i) {
    runs.push_back(real(i, some_ttfts(GetParam(), static_cast<std::uint64_t>(i), 50), 90));
  }
  runs.push_back(simulated(some_ttfts(GetParam(), 9, 50), 90));
  const Measures measures = measures_of(runs);
  std::swap(runs[0], runs[4]);
  std::swap(runs[1], runs[2]);
  const Measures swapped = measures_of(runs);
  EXPECT_EQ(swapped.ttft_mean_ms.error_ci95, measures.ttft_mean_ms.error_ci95);
  EXPECT_EQ(swapped.ttft_p90_ms.real_ci95, measures.ttft_p90_ms.real_ci95);
  EXPECT_EQ((*swapped.attainment)[1].error_ci95, (*measures.attainment)[1].error_ci95);
}

INSTANTIATE_TEST_SUITE_P(Seed, ValidateProperty, ::testing::Range<std::uint64_t>(0, 20));

TEST(Validate, QuotesNoP99OfFewerThanAThousandRequests) {
  const std::vector<double> ttfts(333, 10.0);
  std::vector<ValidationRun> runs = {simulated(ttfts), real(1, ttfts), real(2, ttfts),
                                     real(3, ttfts)};
  EXPECT_FALSE(measures_of(runs).ttft_p99_ms) << "999";
  runs.push_back(real(4, ttfts));
  EXPECT_TRUE(measures_of(runs).ttft_p99_ms);
}

TEST(Validate, HasNoIntervalAndNoSpreadOfOneRun) {
  const Validation validation =
      validate(std::vector{simulated({100, 200}), real(1, {110, 190})}, {});
  const Measures& measures = *validation.cells.at(0).measures;
  EXPECT_NEAR(measures.ttft_mean_ms.error, 0, 1e-12);
  EXPECT_FALSE(measures.ttft_mean_ms.error_ci95);
  EXPECT_FALSE(measures.ttft_mean_ms.spread);
  EXPECT_THAT(validation.warnings,
              ElementsAre("scenario \"s\" with engine \"e\" has one valid real run: no interval, "
                          "no spread, no significant pair"));
}

TEST(Validate, HasNoAttainmentWithoutDeadlines) {
  EXPECT_FALSE(measures_of({simulated({100, 200}), real(1, {110, 190})}).attainment);
}

TEST(Validate, ARequestThatDidNotCompleteMissesItsDeadlineAndHasNoLatency) {
  std::vector<ValidationRun> runs = {simulated({100, 200}, 500), real(1, {100, 200}, 500)};
  RequestRow& lost = runs[1].run.requests[1];
  lost.outcome = Outcome::unfinished;
  const Measures measures = measures_of(runs);
  EXPECT_DOUBLE_EQ((*measures.attainment)[1].real, 0.5);
  EXPECT_DOUBLE_EQ(measures.ttft_mean_ms.real, 100);
  EXPECT_EQ(measures.per_request.pairs, 1);
  lost.outcome = Outcome::cancelled;
  EXPECT_DOUBLE_EQ((*measures_of(runs).attainment)[1].real, 1) << "cancelled: not judged";
}

TEST(Validate, CountsNoRequestOfTheWarmUp) {
  std::vector<ValidationRun> runs = {simulated({900, 100, 200}), real(1, {10, 100, 200})};
  for (ValidationRun& run : runs) run.run.summary.labels.warm_up = testing::ms(500);
  const Measures measures = measures_of(runs);
  EXPECT_EQ(measures.requests, 2);
  EXPECT_NEAR(measures.ttft_mean_ms.error, 0, 1e-12);
}

TEST(Validate, RefusesARunInWhichNothingCompleted) {
  std::vector<ValidationRun> runs = {simulated({100}), real(1, {100})};
  runs[1].run.requests[0].outcome = Outcome::unfinished;
  runs[1].run.summary.ttft = {};  // and no median for its load to be late by
  EXPECT_EQ(error_of([&] { validate(runs, {}); }),
            "real/e-1:0:0: none of its counted requests completed: there is no TTFT to compare");
}

/// Three engines: really 100, 200 and 300 ms, to a millisecond; simulated as given.
std::vector<ValidationRun> three_engines(double slow, double middle, double fast) {
  std::vector<ValidationRun> runs;
  const auto add = [&](const char* engine, double predicted, double measured) {
    runs.push_back(simulated({predicted}, 250, engine));
    runs.push_back(real(1, {measured + 1}, 250, engine));
    runs.push_back(real(2, {measured - 1}, 250, engine));
  };
  add("slow", slow, 300);
  add("middle", middle, 200);
  add("fast", fast, 100);
  return runs;
}

TEST(Validate, ComparesTheOrderOfEngines) {
  const auto scenario = validate(three_engines(320, 180, 110), {}).scenarios.at(0);
  EXPECT_DOUBLE_EQ(*scenario.by_ttft.tau_b, 1);
  EXPECT_EQ(scenario.by_attainment->significant, 2) << "middle and fast both met all deadlines";
  const auto wrong = validate(three_engines(320, 90, 110), {}).scenarios.at(0);
  EXPECT_THAT(wrong.by_ttft.flipped, ElementsAre(Pair("middle", "fast")));
  EXPECT_THAT(wrong.by_attainment->flipped, IsEmpty());
}

TEST(Validate, ComparesTheGainOverTheFirstEngineOrTheOneAskedFor) {
  const auto runs = three_engines(320, 160, 80);
  const auto scenario = validate(runs, {}).scenarios.at(0);
  EXPECT_EQ(scenario.baseline, "slow");
  ASSERT_EQ(scenario.gains.size(), 2U);
  EXPECT_EQ(scenario.gains[0].engine, "middle");
  EXPECT_NEAR(scenario.gains[0].ttft.simulated, 0.5, 1e-12);
  EXPECT_NEAR(scenario.gains[0].ttft.real, 1.0 / 3, 1e-12);
  EXPECT_NEAR(scenario.gains[0].ttft.error, 0.5 - 1.0 / 3, 1e-12);
  EXPECT_LT(scenario.gains[0].ttft.error_ci95->low, scenario.gains[0].ttft.error);
  EXPECT_GT(scenario.gains[0].ttft.error_ci95->high, scenario.gains[0].ttft.error);
  EXPECT_DOUBLE_EQ(scenario.gains[0].attainment->real, 1);
  const auto other = validate(runs, {.held_out = {}, .baseline = "fast"}).scenarios.at(0);
  EXPECT_EQ(other.baseline, "fast");
  EXPECT_NEAR(other.gains[0].ttft.real, 1 - 300.0 / 100, 1e-12);
}

TEST(Validate, TakesHoldOutScenariosApart) {
  std::vector<ValidationRun> runs = three_engines(300, 200, 130);
  for (const ValidationRun& run : three_engines(330, 200, 100)) {
    runs.push_back(run);
    runs.back().run.path += "-unseen";
    runs.back().run.summary.labels.scenario = "unseen";
  }
  const Validation validation = validate(runs, {.held_out = {"unseen"}, .baseline = ""});
  EXPECT_EQ(validation.held_out.cells, 3);
  EXPECT_NEAR(validation.held_out.ttft_mean->median, 0, 1e-12);
  EXPECT_NEAR(validation.held_out.ttft_mean->worst, 0.1, 1e-12);
  EXPECT_EQ(validation.held_out.ttft_mean->worst_cell, "unseen / slow");
  EXPECT_NEAR(validation.tuned.ttft_mean->worst, 0.3, 1e-12);
  EXPECT_EQ(validation.tuned.ttft_mean->worst_cell, "s / fast");
  EXPECT_EQ(validation.tuned.ttft_p99, std::nullopt);
}

TEST(Validate, RefusesNamesThatNoRunHas) {
  const auto runs = three_engines(300, 200, 100);
  EXPECT_EQ(error_of([&] { validate(runs, {.held_out = {"ss"}, .baseline = ""}); }),
            "calvo validate:0:0: --holdout: no run is of scenario \"ss\" (did you mean \"s\"?)");
  EXPECT_EQ(error_of([&] { validate(runs, {.held_out = {}, .baseline = "midle"}); }),
            "calvo validate:0:0: --baseline: no run is of engine \"midle\" (did you mean "
            "\"middle\"?)");
}

}  // namespace
}  // namespace calvo::analysis
