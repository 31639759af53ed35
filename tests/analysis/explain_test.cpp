#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/explain_split.hpp"
#include "analysis/explain_text.hpp"
#include "tests/analysis/explain_fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A piece of so many milliseconds with this cause.
auto piece(std::int64_t length, Culprit culprit, How how, std::vector<std::uint64_t> whom = {}) {
  std::vector<RequestId> ids;
  for (const std::uint64_t id : whom) ids.push_back(RequestId{id});
  return AllOf(Field("time", &ExplainPiece::time, ms(length)),
               Field("culprit", &ExplainPiece::culprit, culprit),
               Field("how", &ExplainPiece::how, how), Field("whom", &ExplainPiece::whom, ids));
}

TEST(Explain, AWindowThatIsFullIsTheLinkThatTheTransferInFlightFills) {
  HandMade made;
  made.request(5, 10, 40);
  made.request(4, 0, 30);
  made.request(6, 20, 60);
  made.fetch(4, 0, 30);
  made.fetch(6, 30, 40);
  made.wait(5, Waiting::network_window, 10, 40);
  const auto pieces = made.pieces();
  EXPECT_THAT(pieces, ElementsAre(piece(20, Culprit::storage_nic, How::earlier, {4}),
                                  piece(10, Culprit::storage_nic, How::later, {6})));
  EXPECT_EQ(pieces[0].resource, "storage0.nic0.tx");
}

TEST(Explain, ATransferOfItsOwnIsItsOwnUseAsFarAsItHadTheLinkAlone) {
  HandMade made;
  made.request(5, 0, 40).times.load_start = at(0);
  made.request(6, 1, 60);
  made.fetch(5, 0, 40);
  made.fetch(6, 20, 60);
  made.wait(5, Waiting::network, 0, 40);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(30, Culprit::storage_nic, How::own),
                                         piece(10, Culprit::storage_nic, How::beside, {6})));
}

TEST(Explain, TimeBeforeTheFirstByteIsSetUp) {
  HandMade made;
  made.request(5, 0, 20).times.load_start = at(0);
  made.fetch(5, 0, 20).begin = at(3);
  made.wait(5, Waiting::network, 0, 20);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(3, Culprit::set_up, How::own),
                                         piece(17, Culprit::storage_nic, How::own)));
}

TEST(Explain, ATransferThatAnotherRequestHasUnderWayIsShared) {
  HandMade made;
  made.request(5, 0, 20).times.load_start = at(0);
  made.fetch(4, 0, 20);
  made.evidence.waits.push_back({RequestId{5}, Waiting::network, RequestId{4}, at(0), at(20)});
  EXPECT_THAT(made.pieces(), ElementsAre(piece(20, Culprit::storage_nic, How::shared, {4})));
}

TEST(Explain, ATransferThatIsOverAndNotSeenIsTheEnginesDoing) {
  HandMade made;
  made.request(5, 0, 20).times.load_start = at(0);
  made.fetch(5, 0, 15);
  made.wait(5, Waiting::network, 0, 20);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(15, Culprit::storage_nic, How::own),
                                         piece(5, Culprit::software, How::unseen)));
}

TEST(Explain, AWaitForGpuMemoryNamesThoseThatRunAndHoldIt) {
  HandMade made;
  made.request(5, 0, 30);
  made.step(0, 20, {}, {3, 4});
  made.wait(5, Waiting::gpu_memory, 0, 30);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(20, Culprit::gpu_memory, How::full, {3, 4}),
                                         piece(10, Culprit::gpu_memory, How::full)));
}

TEST(Explain, AWaitForHostMemoryIsThat) {
  HandMade made;
  made.request(5, 0, 30);
  made.wait(5, Waiting::host_memory, 0, 30);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(30, Culprit::host_memory, How::full)));
}

TEST(Explain, AStepInProgressIsTheGpuBusyWhateverLimitedIt) {
  HandMade made;
  made.request(5, 10, 30);
  made.request(4, 0, 30);
  ExplainStep& step = made.step(0, 30, {4});
  step.limit = StepLimit::token_budget;  // it came too late to be refused
  step.full = true;
  step.once = ms(29);
  made.wait(5, Waiting::step, 10, 30);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(20, Culprit::gpu_compute, How::earlier, {4})));
}

TEST(Explain, AFullStepThatRefusedItCostsTheBudgetWhatALargerOneWouldHaveSpared) {
  HandMade made;
  made.request(5, 0, 30);
  made.request(4, 0, 30);
  ExplainStep& step = made.step(0, 30, {4});
  step.limit = StepLimit::token_budget;
  step.full = true;
  step.once = ms(24);
  made.wait(5, Waiting::step, 0, 30);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(24, Culprit::token_budget, How::full, {4}),
                                         piece(6, Culprit::gpu_compute, How::earlier, {4})));
}

TEST(Explain, APromptThatTheBudgetCutsPaysForEachStepButTheLast) {
  HandMade made;
  made.request(5, 0, 40).times.prefill_start = at(0);
  made.evidence.requests[0].times.loaded = at(0);
  for (const int begin : {0, 20}) {
    ExplainStep& step = made.step(begin, begin + 20, {5});
    step.full = begin == 0;
    step.software = ms(5);
    step.once = ms(8);
  }
  made.wait(5, Waiting::compute, 0, 40);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(8, Culprit::token_budget, How::full),
                                         piece(27, Culprit::gpu_compute, How::own),
                                         piece(5, Culprit::software, How::own)));
}

TEST(Explain, ALimitOnRunningRequestsIsNamed) {
  HandMade made;
  made.request(5, 0, 30);
  made.step(0, 30, {}, {3}).limit = StepLimit::max_running;
  made.wait(5, Waiting::step, 0, 30);
  const auto pieces = made.pieces();
  EXPECT_THAT(pieces, ElementsAre(piece(30, Culprit::request_limit, How::full)));
  EXPECT_EQ(pieces[0].resource, "instance0.max_running");
}

TEST(Explain, WhoWaitsForAStepThatLoadsWaitsForTheLink) {
  HandMade made;  // one request's load and compute at a time
  made.request(5, 10, 60);
  made.request(4, 0, 60);
  made.fetch(4, 0, 30);
  made.copy(4, 30, 40);
  made.step(40, 60, {4}).formed = at(0);
  made.wait(5, Waiting::load_start, 10, 60);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(20, Culprit::storage_nic, How::earlier, {4}),
                                         piece(10, Culprit::pcie_lane, How::earlier, {4}),
                                         piece(20, Culprit::gpu_compute, How::earlier, {4})));
}

TEST(Explain, WhoWaitsForAStepWhoseMemberFindsNoMemoryWaitsForThat) {
  HandMade made;
  made.request(4, 0, 60);
  made.request(5, 10, 60);
  made.step(50, 60, {4}).formed = at(0);
  made.wait(4, Waiting::host_memory, 0, 40);
  made.wait(5, Waiting::load_start, 10, 60);
  EXPECT_THAT(made.pieces(1), ElementsAre(piece(30, Culprit::host_memory, How::full, {4}),
                                          piece(10, Culprit::none, How::unknown),
                                          piece(10, Culprit::gpu_compute, How::earlier, {4})));
}

TEST(Explain, ALongUseOfALinkBesideChangingOthersIsOneLine) {
  HandMade made;
  made.request(5, 0, 40).times.load_start = at(0);
  made.fetch(5, 0, 40);
  made.fetch(6, 0, 20);
  made.fetch(7, 20, 40);
  made.wait(5, Waiting::network, 0, 40);
  const Explainer explainer(made.evidence);
  EXPECT_EQ(explainer.pieces(0).size(), 3U);
  EXPECT_THAT(explained(made.evidence, explainer, 0).pieces,
              ElementsAre(piece(20, Culprit::storage_nic, How::own),
                          piece(20, Culprit::storage_nic, How::beside, {6, 7})));
}

TEST(Explain, WhatTheRecordDoesNotShowIsNotAttributed) {
  HandMade made;
  made.request(5, 0, 40);
  made.wait(5, Waiting::lookup, 0, 10);
  made.wait(5, Waiting::unknown, 20, 30);
  made.wait(5, Waiting::step, 30, 40);  // and no step runs
  EXPECT_THAT(made.pieces(), ElementsAre(piece(10, Culprit::lookup, How::own),
                                         piece(30, Culprit::none, How::unknown)));
}

TEST(Explain, CutsTimeWhereStagesMeet) {
  HandMade made;
  RequestTimes& times = made.request(5, 0, 40).times;
  times.load_start = at(10);
  times.network_done = times.loaded = at(30);
  times.prefill_start = at(35);
  made.wait(5, Waiting::host_memory, 0, 40);
  std::vector<std::pair<Stage, Nanoseconds>> stages;
  for (const ExplainPiece& piece : made.pieces()) stages.emplace_back(piece.stage, piece.time);
  EXPECT_THAT(stages,
              ElementsAre(std::pair(Stage::queue, ms(10)), std::pair(Stage::network, ms(20)),
                          std::pair(Stage::queue, ms(5)), std::pair(Stage::compute, ms(5))));
}

TEST(Explain, ARequestThatIsLateForItsTokensIsLookedAtFromItsFirstOne) {
  HandMade made;
  ExplainRequest& request = made.request(5, 0, 10);
  request.late_ttft = false;
  request.times.finish = at(60);
  made.request(6, 20, 40);
  made.step(10, 30, {}, {5});
  made.step(30, 60, {6}, {5});
  made.wait(5, Waiting::decode, 10, 60);
  const auto pieces = made.pieces();
  EXPECT_THAT(pieces, ElementsAre(piece(20, Culprit::gpu_compute, How::own),
                                  piece(30, Culprit::gpu_compute, How::later, {6})));
  EXPECT_EQ(pieces[0].stage, Stage::decode);
}

TEST(Explain, ARequestThatNeverEndedIsFollowedToTheEndOfTheRun) {
  HandMade made;
  ExplainRequest& request = made.request(5, 900, 901);
  request.times = {};
  request.times.arrival = request.times.lookup_done = at(900);
  request.outcome = Outcome::unfinished;
  made.wait(5, Waiting::gpu_memory, 900, 1000);
  EXPECT_THAT(made.pieces(), ElementsAre(piece(100, Culprit::gpu_memory, How::full)));
}

TEST(Explain, ARequestThatWasRejectedNeverWaited) {
  HandMade made;
  made.request(5, 0, 1).outcome = Outcome::rejected;
  EXPECT_THAT(made.pieces(), IsEmpty());
  const ExplainTable table = Explainer(made.evidence).table();
  EXPECT_EQ(table.late, 1);
  EXPECT_EQ(table.rejected, 1);
  EXPECT_EQ(table.time, ms(0));
}

TEST(Explain, TheTableAddsUpLateRequestsAndNamesTheWorstCulprit) {
  HandMade made;
  for (const std::uint64_t id : {1, 2, 3}) {
    made.request(id, 0, 30);
    made.wait(id, id < 3 ? Waiting::gpu_memory : Waiting::host_memory, 0, 30);
  }
  made.request(4, 0, 30).late = false;
  made.wait(4, Waiting::host_memory, 0, 30);
  made.step(0, 30, {}, {7});
  const ExplainTable table = Explainer(made.evidence).table();
  EXPECT_EQ(table.late, 3);
  EXPECT_EQ(table.time, ms(90));
  ASSERT_EQ(table.kinds.size(), 2U);
  EXPECT_EQ(table.kinds[0].culprit, Culprit::gpu_memory);
  EXPECT_EQ(table.kinds[0].worst_of, 2);
  ASSERT_EQ(table.rows[0].blamed.size(), 1U);
  EXPECT_EQ(table.rows[0].blamed[0].time, ms(60));
  EXPECT_EQ(to_text(table, {"runs/x", "fifo", "fifo", "fifo"}),
            "runs/x: 3 of 4 requests late\n"
            "Where their 0.090 s went, from arrival to first token:\n"
            "\n"
            "stage: waiting for               time   share  requests  how\n"
            "queue: instance0.gpu_memory   0.060 s  66.7 %         2  full, most for 7\n"
            "queue: instance0.host_memory  0.030 s  33.3 %         1  full\n"
            "\n"
            "By kind: GPU memory 66.7 %, host memory 33.3 %, not attributed 0.0 %.\n"
            "Most often late because of: GPU memory (instance0.gpu_memory), the largest part of "
            "the time of 2 of 3 late requests, 66.7 % of all their time.\n");
}

TEST(Explain, RequestsOfTheWarmUpAreInNoTotal) {
  HandMade made;
  made.request(1, 0, 30).measured = false;
  made.request(2, 0, 30).measured = false;
  made.request(3, 0, 30);
  for (const std::uint64_t id : {1, 2, 3}) made.wait(id, Waiting::host_memory, 0, 30);
  const Explainer explainer(made.evidence);
  const ExplainTable table = explainer.table();
  EXPECT_EQ(table.requests, 1);
  EXPECT_EQ(table.not_measured, 2);
  EXPECT_EQ(table.late, 1);
  EXPECT_EQ(table.time, ms(30));
  const ExplainLabels labels{"runs/x", "fifo", "fifo", "fifo"};
  EXPECT_TRUE(to_text(table, labels)
                  .starts_with("runs/x: 1 of 1 request late\n2 requests that arrived during the "
                               "warm-up left out, as in the run's metrics.\nWhere their 0.030 s"));
  EXPECT_THAT(to_text(explained(made.evidence, explainer, 0), labels),
              HasSubstr(": late, during the warm-up: in no total\n"));
}

TEST(Explain, SaysSoWhenNobodyWasLate) {
  HandMade made;
  made.request(1, 0, 30).late = false;
  EXPECT_EQ(to_text(Explainer(made.evidence).table(), {"runs/x", "fifo", "fifo", "fifo"}),
            "runs/x: no late request among 1\n");
}

TEST(Explain, ARequestIsToldWithWhatThePoliciesSawOfItAndOfThoseAhead) {
  HandMade made;
  made.request(5, 10, 40).deadline = ms(20);
  made.request(4, 0, 40);
  made.fetch(4, 0, 40);
  made.wait(5, Waiting::network_window, 10, 40);
  for (const std::uint64_t id : {4, 5}) {
    Decision decision;
    decision.date = at(id == 4 ? 0 : 10);
    decision.request = RequestId{id};
    decision.deadline = decision.date + ms(20);
    decision.load = Seconds{0.012};
    decision.compute = Seconds{0.003};
    decision.network_key = static_cast<double>(id);
    made.evidence.decisions.push_back(decision);
  }
  const Explainer explainer(made.evidence);
  const ExplainedRequest it = explained(made.evidence, explainer, 0);
  const std::string text = to_text(it, {"runs/x", "lstf", "lstf", "lstf"});
  EXPECT_THAT(text, HasSubstr("first token after 30.000 ms, objective 20.000 ms: late"));
  EXPECT_THAT(text, HasSubstr("busy for earlier requests: 4"));
  EXPECT_THAT(text, HasSubstr("T_load 12.000 ms, T_comp 3.000 ms, deadline in 20.000 ms, slack "
                              "5.000 ms; keys: network 5 (lstf)"));
  EXPECT_THAT(text, HasSubstr("request 4 at -10.000 ms: T_load 12.000 ms"));
  const auto json = to_json(it, {"runs/x", "lstf", "lstf", "lstf"});
  EXPECT_EQ(json["pieces"][0]["whom"][0], 4);
  EXPECT_NEAR(json["decisions"][0]["slack_s"].get<double>(), 0.005, 1e-12);
}

TEST(SplitTime, PartsSumToTheWhole) {
  const double weights[] = {1, 1, 1};
  EXPECT_THAT(split_time(Nanoseconds{10}, weights),
              ElementsAre(Nanoseconds{3}, Nanoseconds{4}, Nanoseconds{3}));
  EXPECT_THAT(split_time(Nanoseconds{10}, {}), IsEmpty());
}

// Property: whatever the record says, each moment is counted once.
class ExplainProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(ExplainProperty, PiecesSumToTheTimeToTheFirstToken) {
  std::mt19937 random(GetParam());
  const auto below = [&](unsigned n) { return static_cast<std::int64_t>(random() % n); };
  HandMade made;
  for (std::uint64_t id = 0; id < 4; ++id) {
    const std::int64_t arrival = below(50);
    RequestTimes& times = made.request(id, arrival, arrival + 60 + below(50)).times;
    times.load_start = times.arrival + ms(below(60));
    times.network_done = times.load_start + ms(below(20));
  }
  std::int64_t date = 0;
  while (date < 150) {
    const std::int64_t length = 1 + below(20);
    ExplainStep& step = made.step(date, date + length, {std::uint64_t(below(4))});
    step.formed = at(std::max<std::int64_t>(0, date - below(2)));
    step.full = below(2) == 0;
    step.once = ms(below(10));
    step.limit = static_cast<StepLimit>(below(4));
    date += length + below(5);
  }
  for (std::int64_t posted = 0; posted < 150; posted += 1 + below(10)) {
    const std::uint64_t id(static_cast<std::uint64_t>(below(4)));
    ExplainTransfer& transfer = below(2) == 0 ? made.fetch(id, posted, posted + 1 + below(30))
                                              : made.copy(id, posted, posted + 1 + below(30));
    transfer.begin = std::min(transfer.end, transfer.begin + ms(below(3)));
  }
  for (std::uint64_t id = 0; id < 4; ++id) {
    for (std::int64_t from = 0; from < 170; from += 10) {
      if (below(8) > 0) made.wait(id, static_cast<Waiting>(below(15)), from, from + 10);
    }
  }
  for (std::size_t i = 0; i < made.evidence.requests.size(); ++i) {
    Nanoseconds sum{0};
    for (const ExplainPiece& piece : made.pieces(i)) {
      EXPECT_GT(piece.time.count(), 0);
      EXPECT_LE(piece.time, piece.to - piece.from);
      sum += piece.time;
    }
    const RequestTimes& times = made.evidence.requests[i].times;
    EXPECT_EQ(sum, times.first_token - times.arrival) << "request " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, ExplainProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::analysis
