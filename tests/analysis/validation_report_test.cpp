#include "analysis/validation_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analysis/validation_fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::real;
using testing::simulated;

std::vector<ValidationRun> two_engines() {
  return {simulated({100, 200, 300}, 200, "a_b"), real(1, {110, 220, 330}, 200, "a_b"),
          real(2, {90, 180, 270}, 200, "a_b"),    simulated({50, 60, 70}, 200, "c"),
          real(1, {50, 60, 70}, 200, "c"),        real(2, {50, 60, 70}, 200, "c")};
}

TEST(ValidationReport, ShowsEachErrorWithItsIntervalAndSpread) {
  const Validation validation = validate(two_engines(), {});
  const std::string text = to_text(validation, judge(validation, {}));
  EXPECT_THAT(text, HasSubstr("1 scenario x engines: 2 cells; 4 valid real runs (0 discarded)\n"));
  EXPECT_THAT(text, HasSubstr("s         a_b     2     200.0         +0.0 [-9.1, +11.1] (20.0)"));
  EXPECT_THAT(text, HasSubstr("50.0: +16.7 [+0.0, +33.3] (33.3)"));
  EXPECT_THAT(text, HasSubstr("n = 6"));
  EXPECT_THAT(text, HasSubstr("tau +1.00, 1 of 1 pairs differ"));
  EXPECT_THAT(text, HasSubstr("OUTSIDE tolerance, judged over all scenarios (none is held out)\n"
                              "  ok      ttft_p50: 0.00 % <= 5.00 %\n"
                              "  -       ttft_p99: nothing to judge (limit 10.00 %)\n"
                              "  OUTSIDE attainment: 8.33 points > 3.00 points\n"
                              "  ok      flipped_pairs: 0 <= 0\n"));
}

TEST(ValidationReport, MarkdownHasTheSameNumbersAndEscapesNames) {
  const Validation validation = validate(two_engines(), {.held_out = {"s"}, .baseline = ""});
  const std::string text = to_markdown(validation, judge(validation, {}));
  EXPECT_THAT(text, HasSubstr("**OUTSIDE tolerance, judged over the held out scenarios**"));
  EXPECT_THAT(text, HasSubstr("| s \\* | a\\_b | 2 | 200.0 | +0.0 [-9.1, +11.1] (20.0) |"));
  EXPECT_THAT(text, HasSubstr("| s \\* | a\\_b | network | 100.0 | 100.0 | "));
  EXPECT_THAT(text, Not(HasSubstr("a_b")));
}

TEST(ValidationReport, NamesFlippedPairsAndWarnings) {
  auto runs = two_engines();
  for (RequestRow& row : runs[3].run.requests) *row.ttft_s += 1;
  runs[5].run.summary.complete = false;
  runs.push_back(real(3, {50, 60, 70}, 200, "c"));
  const Validation validation = validate(runs, {});
  const std::string text = to_text(validation, judge(validation, {}));
  EXPECT_THAT(text, HasSubstr("tau -1.00, 1 of 1 pairs differ, FLIPPED: a_b <> c"));
  EXPECT_THAT(text, HasSubstr("OUTSIDE flipped_pairs: 2 > 0"));
  EXPECT_THAT(text, HasSubstr("(1 discarded)"));
  EXPECT_THAT(text, HasSubstr("warning: real/c-2 is discarded: it was interrupted\n"));
}

TEST(ValidationReport, JsonHasEveryNumber) {
  const Validation validation = validate(two_engines(), {});
  const auto json = to_json(validation, judge(validation, {}));
  EXPECT_EQ(json["verdict"]["passed"], false);
  EXPECT_EQ(json["verdict"]["judged_over"], "all");
  const auto& cell = json["cells"][0];
  EXPECT_EQ(cell["engine"], "a_b");
  EXPECT_EQ(cell["repeats"].size(), 2U);
  const auto& measures = cell["measures"];
  EXPECT_DOUBLE_EQ(measures["ttft_ms"]["p90"]["real"], 300);
  EXPECT_NEAR(measures["ttft_ms"]["p90"]["error"], 0, 1e-12);
  EXPECT_TRUE(measures["ttft_ms"]["p99"].is_null());
  EXPECT_NEAR(measures["attainment"]["0.5"]["error"], 1.0 / 6, 1e-12);
  EXPECT_EQ(measures["stages_ms"].size(), 5U);
  EXPECT_EQ(measures["per_request"]["pairs"], 6);
  EXPECT_EQ(json["scenarios"][0]["gains"][0]["engine"], "c");
  EXPECT_EQ(json["scenarios"][0]["rank_by_ttft"]["significant"], 1);
  EXPECT_EQ(json["others"]["cells"], 2);
  EXPECT_TRUE(json["held_out"]["ttft_p50"].is_null());
}

TEST(ValidationReport, SaysWhereThereAreNoDeadlines) {
  const Validation validation = validate(std::vector{simulated({100}), real(1, {100})}, {});
  EXPECT_THAT(to_text(validation, judge(validation, {})),
              HasSubstr("no request has a deadline: s / e\n"));
  EXPECT_TRUE(
      to_json(validation, judge(validation, {}))["cells"][0]["measures"]["attainment"].is_null());
}

TEST(ValidationReport, EachTableHasRowsOfOneWidth) {
  const Validation validation = validate(two_engines(), {});
  for (const Detail detail : {Detail::brief, Detail::full}) {
    const auto tables = tables_of(validation, detail);
    EXPECT_EQ(tables.size(), 7U);
    for (const ReportTable& table : tables) {
      for (const auto& row : table.rows) {
        EXPECT_EQ(row.size(), table.rows.front().size()) << table.title;
      }
    }
  }
}

}  // namespace
}  // namespace calvo::analysis
