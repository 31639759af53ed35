// scenarios/reproduce/: the testbed runs, and the experiment that has an exact answer gives it.
#include <filesystem>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/sweep_table.hpp"
#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(CALVO_SOURCE_DIR) / "scenarios" / "reproduce";

TEST(Reproduce, TheTestbedRuns) {
  const Workplace here;
  const Ran ran = here.run({"run", (folder / "testbed.yaml").string(), "--no-timeline"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
}

/// (0.380 + 0.604) / 2 s and (0.224 + 0.604) / 2 s: the paper's 0.49 and 0.41.
TEST(Reproduce, TheExampleOfTwoRequestsIsExact) {
  const Workplace here;
  const Ran ran = here.run({"sweep", (folder / "e1.yaml").string(), "--out", "e1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::map<std::string, double> means;
  for (const auto& row : analysis::read_sweep_table((here / "e1/sweep.csv").string()).rows) {
    ASSERT_TRUE(row.result) << row.engine;
    means[row.engine] = row.result->metric("mean_ttft_ms").value();
  }
  EXPECT_THAT(means,
              ::testing::ElementsAre(
                  ::testing::Pair("vllm_sync+order=fifo", ::testing::DoubleNear(492, 1e-3)),
                  ::testing::Pair("vllm_sync+order=sjf_cost", ::testing::DoubleNear(414, 1e-3)),
                  ::testing::Pair("vllm_sync+order=sjf_new", ::testing::DoubleNear(492, 1e-3))));
}

}  // namespace
}  // namespace calvo::testing
