#include "analysis/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/summary_json.hpp"
#include "analysis/text_summary.hpp"
#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::at_ms;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::labels;
using testing::loaded_request;
using testing::ms;
using ::testing::Not;
using testing::small_run;

TEST(Summarize, CountsAndRatesAreThoseOfTheMeasuredRequests) {
  const Summary summary = summarize(small_run(), labels());
  EXPECT_EQ(summary.completed, 3);
  EXPECT_DOUBLE_EQ(summary.duration_s, 0.371);  // 0 to 250 + 121 ms
  EXPECT_DOUBLE_EQ(summary.request_throughput, 3 / 0.371);
  EXPECT_DOUBLE_EQ(summary.output_throughput, 33 / 0.371);
  EXPECT_DOUBLE_EQ(summary.total_token_throughput, 3033 / 0.371);
  EXPECT_DOUBLE_EQ(summary.prefix_cache_hit_ratio, 0.6);
  EXPECT_DOUBLE_EQ(summary.ttft.mean, 21);
  EXPECT_DOUBLE_EQ(summary.tpot.mean, 10);
  EXPECT_DOUBLE_EQ(summary.e2el.mean, 121);
}

TEST(Summarize, StagesSumToTheMeanTtft) {
  const Summary summary = summarize(small_run(), labels());
  const StageMeans& stages = summary.stages_ms;
  EXPECT_NEAR(stages.queue + stages.lookup + stages.network + stages.pcie + stages.compute,
              summary.ttft.mean, 1e-9);
  EXPECT_DOUBLE_EQ(stages.queue, 7);
}

TEST(Summarize, LeavesTheWarmUpOut) {
  RunLabels warm = labels();
  warm.warm_up = ms(100);
  const Summary summary = summarize(small_run(), warm);
  EXPECT_EQ(summary.measured, 2) << "an arrival at its very end is measured";
  EXPECT_EQ(summary.not_measured, 1);
  EXPECT_DOUBLE_EQ(summary.duration_s, 0.271);
}

TEST(Summarize, RejectedAndUnfinishedCountAsMisses) {
  RunResult run = small_run();
  run.requests[0].outcome = Outcome::rejected;
  run.requests[0].reason = RejectReason::larger_than_gpu_memory;
  run.requests[1].outcome = Outcome::unfinished;
  const Summary summary = summarize(run, labels());
  EXPECT_EQ(summary.slo_judged, 3);
  EXPECT_EQ(summary.slo_met, 1);
  EXPECT_DOUBLE_EQ(*summary.slo_attainment, 1.0 / 3);
  EXPECT_DOUBLE_EQ(summary.request_goodput, 1 / summary.duration_s);
  EXPECT_EQ(summary.ttft.count, 1) << "latencies are those of completed requests";
}

TEST(Summarize, IgnoresRequestsThatNeverArrived) {
  RunResult run = small_run();
  run.requests.push_back({});
  EXPECT_EQ(summarize(run, labels()).measured, 3);
}

TEST(Summarize, TheBottleneckIsTheBusiestResourceThatIsNoMemory) {
  const Summary summary = summarize(small_run(), labels());
  EXPECT_EQ(summary.bottleneck, "serving0.nic0.rx");
  EXPECT_DOUBLE_EQ(summary.bottleneck_utilization, 0.8);
}

TEST(Summarize, OfNothingIsZerosWithoutAVerdict) {
  const Summary summary = summarize({}, labels());
  EXPECT_EQ(summary.completed, 0);
  EXPECT_EQ(summary.slo_attainment, std::nullopt);
  EXPECT_EQ(summary.request_throughput, 0);
  EXPECT_THAT(summary.warnings, IsEmpty());
}

TEST(Warnings, SayWhereTheNumbersStopBeingValid) {
  RunResult run = small_run();
  run.complete = false;
  run.requests[0].outcome = Outcome::rejected;
  run.requests[1].outcome = Outcome::unfinished;
  run.resources[0].utilization = 0.963;
  run.counters.fetched_blocks = 1000;
  run.counters.reloaded_blocks = 250;
  run.counters.forced_releases = 2;
  EXPECT_THAT(
      summarize(run, labels()).warnings,
      ElementsAre("the run was interrupted: what had not finished counts as a missed objective",
                  "1 request did not finish and counts in no latency",
                  "1 request rejected; requests.csv says why",
                  "instance0.gpu is 96.3 % utilised: near saturation, where small errors of the "
                  "model move waiting times a lot",
                  "cache thrash: 25.0 % of the fetched blocks had been there before and were "
                  "evicted: the result hangs on the details of eviction",
                  "the engine stalled and gave up a parked request 2 times to go on",
                  "1 request measured: the 99th percentile rests on the slowest 1"));
}

TEST(Warnings, StayAwayFromALongQuietRun) {
  RunResult run = small_run();
  for (std::uint64_t id = 3; id < 1000; ++id) {
    run.requests.push_back(loaded_request(id, static_cast<std::int64_t>(100 * id)));
  }
  run.counters.fetched_blocks = 1000;
  run.counters.reloaded_blocks = 100;
  EXPECT_THAT(summarize(run, labels()).warnings, IsEmpty());
}

TEST(SummaryJson, HasTheNamesThatOtherToolsRead) {
  const auto json = to_json(summarize(small_run(), labels()));
  for (const char* name : {"completed",
                           "rejected",
                           "mean_ttft_ms",
                           "median_ttft_ms",
                           "std_ttft_ms",
                           "p90_ttft_ms",
                           "p95_ttft_ms",
                           "p99_ttft_ms",
                           "mean_tpot_ms",
                           "p99_tpot_ms",
                           "mean_e2el_ms",
                           "slo_attainment",
                           "request_throughput",
                           "output_throughput",
                           "prefix_cache_hit_ratio",
                           "utilization",
                           "events",
                           "counters",
                           "stages_ms",
                           "bottleneck",
                           "warnings",
                           "complete"}) {
    EXPECT_TRUE(json.contains(name)) << name;
  }
  EXPECT_EQ(json["utilization"].dump(), R"({"instance0.gpu":0.4,"serving0.nic0.rx":0.8})");
  EXPECT_EQ(json["occupancy"].dump(), R"({"instance0.gpu_memory":{"mean":0.95,"peak":1.0}})");
  EXPECT_EQ(json["events"], 42);
}

TEST(SummaryJson, StatisticsOfNothingAreNull) {
  const auto json = to_json(summarize({}, labels()));
  EXPECT_TRUE(json["mean_ttft_ms"].is_null());
  EXPECT_TRUE(json["slo_attainment"].is_null());
}

TEST(SummaryJson, ReadsBackToTheSameText) {
  for (const RunResult& run : {small_run(), RunResult{}}) {
    const std::string text = to_json(summarize(run, labels())).dump(2);
    EXPECT_EQ(to_json(summary_from_json(text, "summary.json")).dump(2), text);
  }
}

TEST(SummaryJson, NamesThePlaceOfAFault) {
  EXPECT_EQ(testing::error_of([] { summary_from_json("{\n  \"a\": 1,\n  oops\n}", "s.json"); }),
            "s.json:3:3: is not JSON; run the scenario again");
  EXPECT_THAT(testing::error_of([] { summary_from_json("{}", "s.json"); }),
              HasSubstr("s.json:0:0: is not a summary of this version"));
}

TEST(TextSummary, ShowsStagesResourcesAndTheInterval) {
  const std::string text = to_text(summarize(small_run(), labels()));
  EXPECT_THAT(text, HasSubstr("SLO attainment [95 % interval]:             100.0 % [43.9, 100.0]"));
  EXPECT_THAT(text, HasSubstr("Queue (ms):                                 7.00       "
                              "#######.............  33.3 %"));
  EXPECT_THAT(text, HasSubstr("serving0.nic0.rx                            busy       "
                              "################....  80.0 %"));
  EXPECT_THAT(text,
              HasSubstr("Bottleneck:                                 serving0.nic0.rx (80.0 %)"));
  EXPECT_THAT(text, Not(HasSubstr("INCOMPLETE")));
}

TEST(TextSummary, SaysThatAnInterruptedRunIsIncomplete) {
  RunResult run = small_run();
  run.complete = false;
  EXPECT_THAT(to_text(summarize(run, labels())), HasSubstr("INCOMPLETE"));
}

}  // namespace
}  // namespace calvo::analysis
