#include "analysis/request_metrics.hpp"

#include <array>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::at_ms;
using testing::loaded_request;
using testing::ms;

TEST(StagesOf, SplitsTheTtftAtTheDatesOfTheRequest) {
  const Stages stages = stages_of(loaded_request(0, 50).times);
  EXPECT_EQ(stages.lookup, ms(1));
  EXPECT_EQ(stages.queue, ms(2 + 5));
  EXPECT_EQ(stages.network, ms(3));
  EXPECT_EQ(stages.pcie, ms(4));
  EXPECT_EQ(stages.compute, ms(6));
}

TEST(StagesOf, GivesNoTimeToStagesThatWereSkipped) {
  RequestTimes times;
  times.arrival = at_ms(10);
  times.prefill_start = at_ms(14);
  times.first_token = at_ms(20);
  const Stages stages = stages_of(times);
  EXPECT_EQ(stages.queue, ms(4));
  EXPECT_EQ(stages.compute, ms(6));
  EXPECT_EQ(stages.lookup + stages.network + stages.pcie, ms(0));
}

TEST(StagesOf, CountsLoadingBesideThePrefillAsCompute) {
  RequestTimes times = loaded_request(0, 0).times;
  times.prefill_start = at_ms(8);  // loaded at 10
  const Stages stages = stages_of(times);
  EXPECT_EQ(stages.pcie, ms(2));
  EXPECT_EQ(stages.compute, ms(13));
}

class StagesProperty : public ::testing::TestWithParam<unsigned> {};

// Property: whatever dates are missing or overlap, the stages sum to the TTFT and none is negative.
TEST_P(StagesProperty, SumToTheTtft) {
  Random random(GetParam());
  for (int round = 0; round < 200; ++round) {
    RequestTimes times;
    times.arrival = Instant{Nanoseconds{static_cast<std::int64_t>(random.below(1000))}};
    times.first_token = times.arrival + Nanoseconds{static_cast<std::int64_t>(random.below(1000))};
    for (Instant* date : {&times.lookup_done, &times.load_start, &times.network_done, &times.loaded,
                          &times.prefill_start}) {
      if (random.below(3) > 0) {
        *date = times.arrival + Nanoseconds{static_cast<std::int64_t>(random.below(1500))};
      }
    }
    const Stages stages = stages_of(times);
    const auto parts =
        std::to_array({stages.queue, stages.lookup, stages.network, stages.pcie, stages.compute});
    Nanoseconds sum{0};
    for (const Nanoseconds part : parts) {
      ASSERT_GE(part, Nanoseconds{0}) << "round " << round;
      sum += part;
    }
    ASSERT_EQ(sum, times.first_token - times.arrival) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, StagesProperty, ::testing::Range(0U, 20U));

TEST(MetricsOf, TpotIsTheMeanGapAfterTheFirstToken) {
  const RequestMetrics metrics = metrics_of(loaded_request(0, 0), Nanoseconds{0});
  EXPECT_EQ(metrics.ttft, ms(21));
  EXPECT_EQ(metrics.e2e, ms(121));
  EXPECT_EQ(metrics.tpot, ms(10));
}

TEST(MetricsOf, ARequestOfOneTokenHasNoTpot) {
  RequestRecord request = loaded_request(0, 0);
  request.output = Tokens{1};
  EXPECT_FALSE(metrics_of(request, ms(1)).tpot);
  EXPECT_EQ(metrics_of(request, ms(1)).slo_met, true) << "nor can it miss an objective for it";
}

TEST(MetricsOf, TheDeadlineItselfIsInTime) {
  RequestRecord request = loaded_request(0, 0);
  request.deadline = ms(21);
  EXPECT_EQ(metrics_of(request, Nanoseconds{0}).slo_met, true);
  request.deadline -= Nanoseconds{1};
  EXPECT_EQ(metrics_of(request, Nanoseconds{0}).slo_met, false);
}

TEST(MetricsOf, BothObjectivesMustHold) {
  EXPECT_EQ(metrics_of(loaded_request(0, 0), ms(10)).slo_met, true);
  EXPECT_EQ(metrics_of(loaded_request(0, 0), ms(10) - Nanoseconds{1}).slo_met, false);
}

TEST(MetricsOf, WithoutAnObjectiveThereIsNoVerdict) {
  RequestRecord request = loaded_request(0, 0);
  request.deadline = Nanoseconds::max();
  EXPECT_EQ(metrics_of(request, Nanoseconds{0}).slo_met, std::nullopt);
}

TEST(MetricsOf, RejectedAndUnfinishedMissTheirObjectiveAndCancelledHaveNone) {
  for (const Outcome outcome : {Outcome::rejected, Outcome::unfinished}) {
    RequestRecord request = loaded_request(0, 0);
    request.outcome = outcome;
    EXPECT_EQ(metrics_of(request, Nanoseconds{0}).slo_met, false) << name_of(outcome);
  }
  RequestRecord request = loaded_request(0, 0);
  request.outcome = Outcome::cancelled;
  EXPECT_EQ(metrics_of(request, Nanoseconds{0}).slo_met, std::nullopt);
}

}  // namespace
}  // namespace calvo::analysis
