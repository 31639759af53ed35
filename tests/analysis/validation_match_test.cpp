#include "analysis/validation_match.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/output_file.hpp"
#include "tests/analysis/fixture.hpp"
#include "tests/analysis/validation_fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::real;
using testing::simulated;
using testing::TemporaryDirectory;

std::vector<ValidationRun> sound_runs() {
  return {simulated({100, 200, 300}, 200), real(1, {100, 200, 300}, 200),
          real(2, {100, 200, 300}, 200)};
}

std::string refusal_of(const std::vector<ValidationRun>& runs) {
  return error_of([&] { match_runs(runs); });
}

TEST(MatchRuns, FindsEveryRepeatOfAPrediction) {
  const auto runs = sound_runs();
  const Matched matched = match_runs(runs);
  ASSERT_EQ(matched.cells.size(), 1U);
  EXPECT_EQ(matched.cells[0].prediction, &runs[0]);
  EXPECT_THAT(matched.cells[0].repeats, ElementsAre(&runs[1], &runs[2]));
  EXPECT_EQ(matched.cells[0].rows.size(), 3U);
  EXPECT_THAT(matched.warnings, IsEmpty());
}

TEST(MatchRuns, RefusesWhatIsNoPairOfPredictionAndMeasurement) {
  const auto runs = sound_runs();
  EXPECT_EQ(refusal_of({runs[0]}),
            "calvo validate:0:0: all runs are simulated; name real ones, of `calvo realrun`, too");
  EXPECT_EQ(refusal_of({runs[1]}),
            "calvo validate:0:0: all runs are real; name those that `calvo run` predicted them "
            "with");
  EXPECT_EQ(refusal_of({runs[0], runs[1], real(1, {1}, {}, "f")}),
            "real/f-1:0:0: nobody simulated scenario \"s\" with engine \"f\"; do, or leave this "
            "run out");
  EXPECT_EQ(refusal_of({runs[0], runs[1], simulated({1}, {}, "f")}),
            "sim/f:0:0: nobody measured scenario \"s\" with engine \"f\"; do, or leave this run "
            "out");
}

TEST(MatchRuns, RefusesAPredictionThatIsThereTwice) {
  auto runs = sound_runs();
  runs.push_back(runs[0]);
  EXPECT_EQ(refusal_of(runs), "sim/e:0:0: is named twice; name each run once");
  runs.back().run.path = "sim/again";
  EXPECT_EQ(refusal_of(runs),
            "sim/again:0:0: simulates scenario \"s\" with engine \"e\", and so does sim/e; leave "
            "one of them out");
}

TEST(MatchRuns, RefusesAMeasurementThatIsNamedTwice) {
  auto runs = sound_runs();
  runs.push_back(runs[1]);
  runs.back().run.path = "real/../real/e-1";
  EXPECT_EQ(refusal_of(runs), "real/../real/e-1:0:0: is named twice; name each run once");
}

TEST(MatchRuns, RefusesAnInterruptedPrediction) {
  auto runs = sound_runs();
  runs[0].run.summary.complete = false;
  EXPECT_EQ(refusal_of(runs),
            "sim/e:0:0: was interrupted, so it predicts nothing; simulate it again");
}

TEST(MatchRuns, RefusesRunsOfOtherSeedWarmUpOrObjective) {
  auto runs = sound_runs();
  runs[2].run.summary.labels.seed = 2;
  EXPECT_EQ(refusal_of(runs),
            "real/e-2:0:0: has seed 2, and its prediction sim/e has 1; run one of them again");
  runs = sound_runs();
  runs[1].run.summary.labels.warm_up = testing::ms(1500);
  EXPECT_EQ(refusal_of(runs),
            "real/e-1:0:0: has warm-up 1.5 s, and its prediction sim/e has 0 s; run one of them "
            "again");
  runs = sound_runs();
  runs[1].run.summary.labels.tpot_objective = testing::ms(50);
  EXPECT_EQ(refusal_of(runs),
            "real/e-1:0:0: has TPOT objective 0.05 s, and its prediction sim/e has 0 s; run one "
            "of them again");
}

TEST(MatchRuns, RefusesAnotherWorkload) {
  auto runs = sound_runs();
  runs[1].run.requests[2].input_tokens = 999;
  EXPECT_EQ(refusal_of(runs),
            "real/e-1:0:0: request 2 is turn 0 of session 2 with 999 input tokens, and in its "
            "prediction sim/e turn 0 of session 2 with 1000; the workloads differ: run one of "
            "them again");
}

TEST(MatchRuns, RefusesARequestThatIsThereTwice) {
  auto runs = sound_runs();
  runs[1].run.requests[2].id = 1;
  EXPECT_EQ(refusal_of(runs), "real/e-1:0:0: has request 1 twice; run it again");
}

TEST(MatchRuns, RefusesRunsWithoutACommonRequest) {
  auto runs = sound_runs();
  for (RequestRow& row : runs[1].run.requests) row.id += 100;
  EXPECT_EQ(refusal_of(runs),
            "sim/e:0:0: has no measured request in common with all of its real runs; do they have "
            "the same workload?");
}

TEST(MatchRuns, LeavesOutRequestsThatARunLacksAndSaysWhich) {
  auto runs = sound_runs();
  runs[0].run.requests.erase(runs[0].run.requests.begin());
  runs[2].run.requests.pop_back();
  const Matched matched = match_runs(runs);
  for (const RowsById& rows : matched.cells[0].rows) {
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.begin()->first, 1U);
  }
  EXPECT_THAT(matched.warnings,
              ElementsAre("real/e-1: 1 request (0) of it is not in sim/e and left out",
                          "sim/e: 1 request (2) of it is not in real/e-2 and left out",
                          "real/e-2: 1 request (0) of it is not in sim/e and left out"));
}

TEST(MatchRuns, WarnsOfOtherDeadlines) {
  auto runs = sound_runs();
  runs[1].run.requests[0].deadline_s = 0.3;
  EXPECT_THAT(match_runs(runs).warnings,
              ElementsAre("real/e-1: 1 of its deadlines are others than in its prediction, by "
                          "which all are judged; an order by deadlines may have differed"));
}

TEST(MatchRuns, WarnsOfDifferentTestbedsAndSilentGenerators) {
  auto runs = sound_runs();
  runs[2].fabric = "verbs";
  runs[2].load = {};
  runs[1].host = runs[2].host = "h";
  EXPECT_THAT(match_runs(runs).warnings,
              ElementsAre("the real runs are of different testbeds: tcp + host on h; verbs + host "
                          "on h",
                          "1 real run does not say how late the load came"));
}

TEST(MatchRuns, WarnsOfARepeatThatIsACopy) {
  auto runs = sound_runs();
  runs.push_back(runs[1]);
  runs.back().run.path = "real/e-3";
  EXPECT_THAT(match_runs(runs).warnings,
              ElementsAre("real/e-3 took the times of real/e-1, each to the last digit: a copy is "
                          "no repeat, and makes intervals too narrow"));
}

TEST(MatchRuns, DiscardsRunsWhoseLoadWasWrong) {
  auto runs = sound_runs();
  runs[1].load.lateness_p99_s = 0.0021;  // above 1 % of 200 ms
  runs[2].load.spare_cpu_busy = 0.85;
  runs.push_back(real(3, {100, 200, 300}, 200));
  runs[3].run.summary.complete = false;
  runs.push_back(real(4, {100, 200, 300}, 200));
  runs[4].load.lateness_p99_s = 0.002;  // at both limits
  runs[4].load.spare_cpu_busy = 0.8;
  const Matched matched = match_runs(runs);
  EXPECT_THAT(matched.cells[0].repeats, ElementsAre(&runs[4]));
  EXPECT_THAT(matched.cells[0].discarded,
              ElementsAre(DiscardedRun{"real/e-1",
                                       "its load came late: P99 2.100 ms, above 1 % of its "
                                       "median TTFT 200.000 ms"},
                          DiscardedRun{"real/e-2", "its spare core was 85 % busy, above 80 %"},
                          DiscardedRun{"real/e-3", "it was interrupted"}));
  EXPECT_THAT(matched.warnings[2], HasSubstr("real/e-3 is discarded: it was interrupted"));
}

TEST(MatchRuns, DiscardsRunsInWhichSomethingBroke) {
  auto runs = sound_runs();
  runs[1].load.nodes_lost = 1;
  runs[1].load.reconnects = 2;
  runs[1].load.lateness_p99_s = 1;  // which may come of it
  runs[2].load.corrupt_blocks = 37;
  runs[2].load.nodes_lost = 2;
  runs.push_back(real(3, {100, 200, 300}, 200));
  runs[3].load.reconnects = 1;
  runs.push_back(real(4, {100, 200, 300}, 200));
  EXPECT_THAT(match_runs(runs).cells[0].discarded,
              ElementsAre(DiscardedRun{"real/e-1", "it lost 1 storage node"},
                          DiscardedRun{"real/e-2",
                                       "it lost 2 storage nodes and was given 37 corrupt blocks"},
                          DiscardedRun{"real/e-3", "it had to make 1 connection anew"}));
}

TEST(MatchRuns, KeepsRunsWhoseFaultsWereAskedForAndSaysSo) {
  auto runs = sound_runs();
  runs[1].load.nodes_lost = 1;
  runs[1].load.faults = {"die@5s", "corrupt@0s:0.1"};
  const Matched matched = match_runs(runs);
  EXPECT_THAT(matched.cells[0].repeats, ElementsAre(&runs[1], &runs[2]));
  EXPECT_THAT(matched.warnings,
              ElementsAre("real/e-1: its storage nodes had faults on order (--faults die@5s "
                          "--faults corrupt@0s:0.1); does its prediction have them, too?"));
}

void set_hits(ValidationRun& run, std::int64_t cached_tokens) {
  for (RequestRow& row : run.run.requests) row.cached_tokens = cached_tokens;  // of 1,000
}

TEST(MatchRuns, WarnsOfRepeatsThatFoundOtherBlocks) {
  auto runs = sound_runs();
  set_hits(runs[0], 69);
  set_hits(runs[1], 69);
  set_hits(runs[2], 990);
  EXPECT_THAT(match_runs(runs).warnings,
              ElementsAre("scenario \"s\" with engine \"e\": the hit ratio of its real runs goes "
                          "from 6.9 % (real/e-1) to 99.0 % (real/e-2); did storage nodes keep "
                          "blocks of an earlier run?"));
  set_hits(runs[2], 118);
  EXPECT_THAT(match_runs(runs).warnings, IsEmpty()) << "less than 5 points";
}

TEST(MatchRuns, WarnsOfHitsThatTheSimulationHasNot) {
  auto runs = sound_runs();
  set_hits(runs[0], 800);
  set_hits(runs[1], 410);
  set_hits(runs[2], 400);
  EXPECT_THAT(match_runs(runs).warnings,
              ElementsAre("scenario \"s\" with engine \"e\": the hit ratio is 80.0 % simulated and "
                          "40.0 to 41.0 % in its real runs; were the storage nodes filled as the "
                          "scenario says?"));
}

TEST(MatchRuns, WarnsOfRunsInWhichAnotherShareCompleted) {
  auto runs = sound_runs();
  runs[1].run.requests[0].outcome = Outcome::rejected;
  const std::string rest = " in its prediction sim/e; TTFTs are of those only";
  EXPECT_THAT(
      match_runs(runs).warnings,
      ElementsAre("real/e-1: 66.7 % of its counted requests completed, and 100.0 %" + rest));
  runs[0].run.requests[2].outcome = Outcome::unfinished;
  EXPECT_THAT(
      match_runs(runs).warnings,
      ElementsAre("real/e-2: 100.0 % of its counted requests completed, and 66.7 %" + rest));
}

TEST(MatchRuns, DoesNotMindARequestInAHundredThatDidNotComplete) {
  const std::vector<double> ttfts(100, 100.0);
  std::vector<ValidationRun> runs = {simulated(ttfts), real(1, ttfts), real(2, ttfts)};
  runs[2].run.requests[7].outcome = Outcome::rejected;
  EXPECT_THAT(match_runs(runs).warnings, IsEmpty());
  runs[2].run.requests[8].outcome = Outcome::rejected;
  EXPECT_EQ(match_runs(runs).warnings.size(), 1U);
}

TEST(MatchRuns, ARunInWhichNothingCompletedIsNotCalledLate) {
  auto runs = sound_runs();
  for (RequestRow& row : runs[1].run.requests) row.outcome = Outcome::rejected;
  runs[1].run.summary.ttft = {};
  const Matched matched = match_runs(runs);
  EXPECT_THAT(matched.cells[0].discarded, IsEmpty());
  EXPECT_THAT(matched.warnings, ElementsAre(HasSubstr("real/e-1: 0.0 % of its counted requests")));
}

TEST(MatchRuns, KeepsACellWhoseRealRunsAreAllDiscarded) {
  auto runs = sound_runs();
  runs[1].run.summary.complete = runs[2].run.summary.complete = false;
  const Matched matched = match_runs(runs);
  EXPECT_THAT(matched.cells[0].repeats, IsEmpty());
  EXPECT_EQ(matched.warnings.back(), "scenario \"s\" with engine \"e\" has no valid real run left");
}

TEST(MatchRuns, WarnsOfAScenarioThatSaysAnotherThing) {
  const TemporaryDirectory directory;
  auto runs = sound_runs();
  runs.pop_back();
  for (ValidationRun& run : runs) {
    run.run.path = directory / (run.driver == Driver::sim ? "sim" : "real");
    std::filesystem::create_directories(run.run.path);
  }
  const auto say = [&](const std::string& simulated_text, const std::string& real_text) {
    write_file(runs[0].run.path + "/" + scenario_file, simulated_text);
    write_file(runs[1].run.path + "/" + scenario_file, real_text);
    std::vector<std::string> warnings = match_runs(runs).warnings;
    EXPECT_THAT(warnings.at(0), HasSubstr("has one valid real run"));
    warnings.erase(warnings.begin());
    return warnings;
  };
  const std::string text = "hardware: {nic: a}\nmemory: {gpu: 8 GiB}\nworkload: {requests: [1]}\n";
  EXPECT_THAT(say(text, text), IsEmpty());
  EXPECT_THAT(say(text, "hardware: {nic: b}\n" + text.substr(text.find('\n') + 1)), IsEmpty())
      << "what a calibration changes may differ";
  EXPECT_THAT(say(text + "engine: {cut: never, costs: {step: 0 s}}\n",
                  text + "engine: {cut: never, costs: {step: 1 ms}}\n"),
              IsEmpty());
  EXPECT_THAT(
      say(text, "memory: {gpu: 9 GiB}\nworkload: {requests: [1]}\n"),
      ElementsAre(runs[1].run.path + ": memory.gpu is \"9 GiB\", and in its prediction \"8 GiB\""));
  EXPECT_THAT(
      say(text, "memory: {gpu: 8 GiB, host: 1}\nworkload: {requests: [1]}\n"),
      ElementsAre(runs[1].run.path + ": memory.host is \"1\", and in its prediction missing"));
  EXPECT_THAT(
      say(text, "memory: {gpu: 8 GiB}\nworkload: {requests: [1, 2]}\n"),
      ElementsAre(runs[1].run.path + ": workload.requests has 2 items, and in its prediction 1"));
}

}  // namespace
}  // namespace calvo::analysis
