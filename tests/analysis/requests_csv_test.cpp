#include "analysis/requests_csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/output_file.hpp"
#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::labels;
using testing::ms;
using testing::read_file;
using testing::small_run;
using testing::TemporaryDirectory;

TEST(RequestsCsv, HasARowForEachRequestThatArrived) {
  const TemporaryDirectory directory;
  RunResult run = small_run();
  run.requests.resize(1);
  run.requests[0].isolated_ttft = ms(15);
  run.requests.push_back({});
  write_requests_csv(directory / "r.csv", run, labels());
  EXPECT_EQ(read_file(directory / "r.csv"),
            "request_id,session_id,turn,instance,arrival_s,input_tokens,cached_tokens,"
            "output_tokens,ttft_s,tpot_s,e2e_s,deadline_s,slo_met,queue_s,lookup_s,network_s,"
            "pcie_s,compute_s,outcome,reject_reason,preemptions,isolated_ttft_s\n"
            "0,0,0,0,0.000000000,1000,600,11,0.021000000,0.010000000,0.121000000,0.025000000,1,"
            "0.007000000,0.001000000,0.003000000,0.004000000,0.006000000,completed,,0,"
            "0.015000000\n");
}

TEST(RequestsCsv, LeavesEmptyWhatDoesNotApply) {
  const TemporaryDirectory directory;
  RunResult run = small_run();
  run.requests.resize(1);
  run.requests[0].outcome = Outcome::rejected;
  run.requests[0].reason = RejectReason::larger_than_gpu_memory;
  run.requests[0].deadline = Nanoseconds::max();
  const Instant arrival = run.requests[0].times.arrival;
  run.requests[0].times = {};
  run.requests[0].times.arrival = arrival;
  write_requests_csv(directory / "r.csv", run, labels());
  EXPECT_THAT(read_file(directory / "r.csv"),
              HasSubstr("\n0,0,0,0,0.000000000,1000,600,11,,,,,,,,,,,rejected,larger than GPU "
                        "memory,0,\n"));
}

TEST(RequestsCsv, ReadsBack) {
  const TemporaryDirectory directory;
  write_requests_csv(directory / "r.csv", small_run(), labels());
  const auto rows = read_requests_csv(directory / "r.csv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2].id, 2U);
  EXPECT_EQ(rows[2].session, 1U);
  EXPECT_EQ(rows[2].input_tokens, 1000);
  EXPECT_DOUBLE_EQ(*rows[2].ttft_s, 0.021);
  EXPECT_DOUBLE_EQ(rows[2].arrival_s, 0.25);
}

TEST(RequestsCsv, NamesThePlaceOfAFault) {
  const TemporaryDirectory directory;
  write_requests_csv(directory / "r.csv", small_run(), labels());
  std::string text = read_file(directory / "r.csv");
  text.replace(text.find("\n1,0,1") + 5, 1, "x");
  write_file(directory / "bad.csv", text);
  EXPECT_EQ(error_of([&] { read_requests_csv(directory / "bad.csv"); }),
            directory / "bad.csv" + ":3:5: turn: \"x\" is not a number; run the scenario again");
  write_file(directory / "cut.csv", text.substr(0, text.size() - 60));
  EXPECT_THAT(error_of([&] { read_requests_csv(directory / "cut.csv"); }),
              HasSubstr("cut.csv:3:5"));
  write_file(directory / "other.csv", "a,b\n1,2\n");
  EXPECT_EQ(error_of([&] { read_requests_csv(directory / "other.csv"); }),
            directory / "other.csv" + ":1:1: is not a table of requests as `calvo run` writes it");
}

TEST(RequestsCsv, RefusesAJudgementThatIsNone) {
  const TemporaryDirectory directory;
  write_requests_csv(directory / "r.csv", small_run(), labels());
  std::string text = read_file(directory / "r.csv");
  text.replace(text.find(",0.025000000,1,") + 13, 1, "2");
  write_file(directory / "r.csv", text);
  EXPECT_EQ(
      error_of([&] { read_requests_csv(directory / "r.csv"); }),
      directory / "r.csv" + ":2:81: slo_met: \"2\" is neither 0 nor 1; run the scenario again");
}

TEST(RequestsCsv, RefusesTimesThatAreNone) {
  const TemporaryDirectory directory;
  write_requests_csv(directory / "r.csv", small_run(), labels());
  const std::string text = read_file(directory / "r.csv");
  const auto refusal_of = [&](const std::string& right, const std::string& wrong) {
    std::string changed = text;
    changed.replace(changed.find(right), right.size(), wrong);
    write_file(directory / "bad.csv", changed);
    std::string error = error_of([&] { read_requests_csv(directory / "bad.csv"); });
    EXPECT_TRUE(error.starts_with(directory / "bad.csv")) << error;
    return error.substr(std::min(error.size(), (directory / "bad.csv").size()));
  };
  const std::string remedy =
      " is no time, which is finite and not negative; run the scenario again";
  for (const std::string wrong : {"nan", "-nan", "inf", "-inf", "-0.021000000"}) {
    EXPECT_EQ(refusal_of("0.021000000", wrong), ":2:33: ttft_s: \"" + wrong + "\"" + remedy);
  }
  EXPECT_EQ(refusal_of("0.025000000", "nan"), ":2:69: deadline_s: \"nan\"" + remedy);
  EXPECT_EQ(refusal_of("0.121000000", "inf"), ":2:57: e2e_s: \"inf\"" + remedy);
  EXPECT_EQ(refusal_of("0.003000000", "-1"), ":2:107: network: \"-1\"" + remedy);
  EXPECT_EQ(refusal_of("\n0,0,0,0,0.000000000", "\n0,0,0,0,nan"),
            ":2:9: arrival_s: \"nan\"" + remedy);
}

}  // namespace
}  // namespace calvo::analysis
