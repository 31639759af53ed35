#include "traces/arrivals.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "traces/servegen.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {
namespace {

struct Gaps {
  double mean = 0;
  double cv = 0;
};

Gaps gaps_of(const std::vector<double>& dates) {
  double squares = 0;
  const double count = static_cast<double>(dates.size() - 1);
  const double mean = (dates.back() - dates.front()) / count;
  for (std::size_t i = 1; i < dates.size(); ++i) {
    squares += std::pow(dates[i] - dates[i - 1] - mean, 2);
  }
  return {mean, std::sqrt(squares / count) / mean};
}

ArrivalOptions arrivals(ArrivalKind kind, double rate, double cv = 1) {
  ArrivalOptions options;
  options.kind = kind;
  options.rate = rate;
  options.cv = cv;
  return options;
}

TEST(Arrivals, ArePoissonAtTheirRate) {
  const Gaps gaps = gaps_of(arrival_dates(arrivals(ArrivalKind::poisson, 4), 100'000, 0, 1));
  EXPECT_NEAR(gaps.mean, 0.25, 0.004);
  EXPECT_NEAR(gaps.cv, 1, 0.02);
}

TEST(Arrivals, HaveTheBurstinessAskedFor) {
  for (const double cv : {0.3, 2.0, 5.0}) {
    const Gaps gaps = gaps_of(arrival_dates(arrivals(ArrivalKind::gamma, 10, cv), 300'000, 0, 1));
    EXPECT_NEAR(gaps.mean, 0.1, 0.005);
    EXPECT_NEAR(gaps.cv, cv, 0.05 * cv);
  }
}

TEST(Arrivals, ModulatedOnesSpendTheirTimeInTheirStates) {
  ArrivalOptions options = arrivals(ArrivalKind::mmpp, 0);
  options.rates = {1, 20};
  options.dwell_s = {30, 10};
  const auto dates = arrival_dates(options, 0, 200'000, 5);
  // Mean rate: (1 x 30 + 20 x 10) / 40; and bursty.
  EXPECT_NEAR(static_cast<double>(dates.size()) / 200'000, 5.75, 0.25);
  EXPECT_GT(gaps_of(dates).cv, 1.5);
}

TEST(Arrivals, ModulatedOnesMayPauseForGood) {
  ArrivalOptions options = arrivals(ArrivalKind::mmpp, 0);
  options.rates = {0, 0.001};
  options.dwell_s = {1, 1};
  EXPECT_LT(arrival_dates(options, 0, 100, 1).size(), 5U);
}

TEST(Arrivals, UniformOnesAreEvenlySpaced) {
  EXPECT_EQ(arrival_dates(arrivals(ArrivalKind::uniform, 4), 3, 0, 1),
            (std::vector<double>{0, 0.25, 0.5}));
  EXPECT_EQ(arrival_dates(arrivals(ArrivalKind::at_once, 0), 2, 0, 1), (std::vector<double>{0, 0}));
}

TEST(Arrivals, FollowTheWindowsOfServeGen) {
  ArrivalOptions options = arrivals(ArrivalKind::servegen, 0);
  options.file = shipped("servegen_deepseek-r1_arrivals.csv.gz");
  const auto windows = read_servegen(options.file);
  double expected[6] = {};
  for (const ArrivalWindow& window : windows) {
    if (window.start_s < 3600) {
      expected[static_cast<int>(window.start_s / 600)] += window.rate * 600;
    }
  }
  const auto dates = arrival_dates(options, 0, 3600, 1);
  ASSERT_TRUE(std::ranges::is_sorted(dates));
  double found[6] = {};
  for (const double date : dates) ++found[static_cast<int>(date / 600)];
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(found[i], expected[i], 0.08 * expected[i]) << i;
}

TEST(Arrivals, ScaleServeGenToTheRateAskedFor) {
  ArrivalOptions options = arrivals(ArrivalKind::servegen, 0.5);
  options.file = shipped("servegen_deepseek-r1_arrivals.csv.gz");
  const auto day = arrival_dates(options, 0, 86'400, 1);
  EXPECT_NEAR(static_cast<double>(day.size()) / 86'400, 0.5, 0.02);
  EXPECT_EQ(arrival_dates(options, 100'000, 0, 1).size(), 100'000U);  // over more than a day
}

TEST(Arrivals, RepeatATraceAtItsMeanGap) {
  ArrivalOptions options = arrivals(ArrivalKind::trace, 0);
  options.file = shipped("AzureLLMInferenceTrace_code.csv.gz");
  const Trace trace = read_trace(options.file);
  const std::size_t count = trace.requests.size();
  const auto dates = arrival_dates(options, static_cast<std::int64_t>(2 * count), 0, 1);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_NEAR(dates[i], trace.requests[i].arrival_ms / 1000, 1e-9);
    ASSERT_NEAR(dates[count + i] - dates[i], dates[count], 1e-6);
  }
  options.rate = 100;
  EXPECT_NEAR(1 / gaps_of(arrival_dates(options, static_cast<std::int64_t>(count), 0, 1)).mean, 100,
              0.01);
}

TEST(Arrivals, EndWithTheLongestRun) {
  const auto problem = [](const ArrivalOptions& options, std::int64_t count) {
    try {
      arrival_dates(options, count, 0, 1);
    } catch (const BadOption& wrong) {
      return wrong.problem.field + ": " + wrong.problem.problem;
    }
    return std::string("none");
  };
  const std::string beyond = ", beyond the longest run, 8388608 s (97 days); ";
  EXPECT_EQ(problem(arrivals(ArrivalKind::uniform, 1e-9), 3),
            "synthetic.arrival.rate: puts a request at 1e+09 s" + beyond +
                "raise it, or lower synthetic.count");
  EXPECT_EQ(problem(arrivals(ArrivalKind::uniform, 1e-300), 2),
            "synthetic.arrival.rate: puts a request at 1e+300 s" + beyond +
                "raise it, or lower synthetic.count");
  EXPECT_EQ(problem(arrivals(ArrivalKind::uniform, 1e-6), 9), "none");
  for (const ArrivalKind kind : {ArrivalKind::poisson, ArrivalKind::gamma}) {
    EXPECT_NE(problem(arrivals(kind, 1e-9), 100), "none");
  }
  ArrivalOptions paused = arrivals(ArrivalKind::mmpp, 0);
  paused.rates = {1e-300, 0};
  paused.dwell_s = {60, 60};
  EXPECT_TRUE(problem(paused, 1).starts_with("synthetic.arrival.rates: puts a request at "));
  const TestFolder folder;
  ArrivalOptions traced = arrivals(ArrivalKind::trace, 0);
  traced.file = folder.write("t.csv",
                             "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 00:00:00,1,1\n"
                             "2023-12-16 00:00:00,1,1\n");
  EXPECT_EQ(problem(traced, 9),
            "synthetic.count: puts a request at 1.04e+07 s" + beyond + "lower it");
}

TEST(Arrivals, DependOnTheSeedOnly) {
  const auto options = arrivals(ArrivalKind::gamma, 1, 3);
  EXPECT_EQ(arrival_dates(options, 100, 0, 7), arrival_dates(options, 100, 0, 7));
  EXPECT_NE(arrival_dates(options, 100, 0, 7), arrival_dates(options, 100, 0, 8));
}

TEST(Arrivals, NameWhatIsWrongInATable) {
  const TestFolder folder;
  const std::string header = "client,start_s,rate_per_s,cv,dist,p1,p2\n";
  const auto error = [&](const std::string& rows) {
    const std::string file = folder.write("s.csv", header + rows);
    return folder.error_of([&] { read_servegen(file); });
  };
  EXPECT_EQ(error(""), "s.csv:0:0: holds no window; give a table with some");
  EXPECT_EQ(error("0,0,1,1,Pareto,1,1\n"),
            "s.csv:2:9: dist: unknown distribution \"Pareto\" (one of: Gamma, Weibull)");
  EXPECT_EQ(
      error("0,0,-1,1,Gamma,1,1\n"),
      "s.csv:2:5: rate_per_s: must be between 1e-09 and 1000000, is \"-1\"; correct or drop the "
      "row");
  EXPECT_EQ(error("0,0,1,1,Gamma,1,1\n0,0,1,1,Gamma,1,1\n"),
            "s.csv:0:0: start_s: duplicate \"0\" of client 0; keep one");
}

}  // namespace
}  // namespace calvo::traces
