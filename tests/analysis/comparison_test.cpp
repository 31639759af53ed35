#include "analysis/comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::labels;
using testing::ms;
using ::testing::Not;
using testing::small_run;
using testing::TemporaryDirectory;
using testing::write_run;

RunDirectory run_of(const TemporaryDirectory& directory, const std::string& name,
                    const RunResult& run, const RunLabels& labels) {
  return read_run_directory(write_run(directory / name, run, labels));
}

TEST(Compare, PairsRequestsAndGivesTheMeanDifference) {
  const TemporaryDirectory directory;
  RunResult slower = small_run();
  for (RequestRecord& request : slower.requests) {
    request.times.first_token += ms(5);
  }
  RunLabels other = labels();
  other.engine = "vllm_sync";
  const Comparison comparison = compare(
      {run_of(directory, "a", small_run(), labels()), run_of(directory, "b", slower, other)});
  EXPECT_THAT(comparison.warnings, IsEmpty());
  EXPECT_FALSE(comparison.runs[0].ttft_vs_first);
  const PairedDifference& difference = *comparison.runs[1].ttft_vs_first;
  EXPECT_EQ(difference.pairs, 3);
  EXPECT_NEAR(difference.mean_ms, 5, 1e-9);
  EXPECT_NEAR(difference.ci95_ms.low, 5, 1e-9);
  EXPECT_NEAR(difference.ci95_ms.high, 5, 1e-9);
  const std::string text = to_text(comparison);
  EXPECT_THAT(text, HasSubstr("calvo        21.0 ms  21.0 ms  21.0 ms    10.0 ms"));
  EXPECT_THAT(text, HasSubstr("vllm_sync  +5.0 ms  [5.0 ms, 5.0 ms]  over 3 requests"));
  EXPECT_NEAR(to_json(comparison)["runs"][1]["ttft_vs_first"]["mean_ms"].get<double>(), 5, 1e-9);
}

TEST(Compare, WarnsAboutRunsThatAreNotAlike) {
  const TemporaryDirectory directory;
  RunResult other_work = small_run();
  other_work.requests[1].input = Tokens{999};
  RunLabels other = labels();
  other.seed = 8;
  other.scenario = "large";
  RunResult stricter = small_run();
  stricter.requests[0].deadline = ms(3);
  stricter.complete = false;
  const Comparison comparison = compare({run_of(directory, "a", small_run(), labels()),
                                         run_of(directory, "b", other_work, other),
                                         run_of(directory, "c", stricter, labels())});
  EXPECT_THAT(comparison.warnings,
              ElementsAre("b is of scenario \"large\", the first of \"small\"",
                          "b has seed 8, the first has 7",
                          "b has another workload than the first (request 1 has 1000 input tokens "
                          "in one and 999 in the other): their TTFTs are not paired",
                          "c was interrupted: it is not complete",
                          "c has other deadlines than the first: attainments do not compare"));
  EXPECT_FALSE(comparison.runs[1].ttft_vs_first);
  EXPECT_TRUE(comparison.runs[2].ttft_vs_first);
}

TEST(Compare, ShowsNoDecodeColumnsWhereNothingDecodes) {
  const TemporaryDirectory directory;
  RunResult prefill = small_run();
  for (RequestRecord& request : prefill.requests) request.output = Tokens{1};
  EXPECT_THAT(to_text(compare({run_of(directory, "a", small_run(), labels())})),
              HasSubstr("mean TPOT"));
  EXPECT_THAT(to_text(compare({run_of(directory, "b", prefill, labels())})),
              Not(HasSubstr("mean TPOT")));
}

TEST(Compare, LeavesTheWarmUpOutOfThePairs) {
  const TemporaryDirectory directory;
  RunLabels warm = labels();
  warm.warm_up = ms(100);
  const Comparison comparison = compare(
      {run_of(directory, "a", small_run(), warm), run_of(directory, "b", small_run(), warm)});
  EXPECT_EQ(comparison.runs[1].ttft_vs_first->pairs, 2);
}

}  // namespace
}  // namespace calvo::analysis
