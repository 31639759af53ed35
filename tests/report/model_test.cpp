#include "report/model.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/run_group.hpp"
#include "report/sources.hpp"
#include "tests/report/fixture.hpp"

namespace calvo::report {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

nlohmann::ordered_json model_of_directories(const std::vector<std::string>& directories) {
  return model_of(read_sources(directories), "calvo test");
}

TEST(Model, SplitsARequestsQueueAtItsLoading) {
  const Folder folder;
  make_run(folder / "run");
  const auto stages = model_of_directories({folder / "run"})["runs"][0]["requests"]["stages"];
  EXPECT_EQ(stages["queue"][0], 250'000);
  EXPECT_EQ(stages["network_load"][0], 50'000);
  EXPECT_EQ(stages["queue_loaded"][0], 50'000);
  EXPECT_EQ(stages["prefill"][0], 150'000);
  EXPECT_EQ(stages["decode"][0], 1'000'000);
}

TEST(Model, CountsRequestsInAStageOverTimeByTheTimeTheySpendThere) {
  const Folder folder;
  make_run(folder / "run");
  const auto time = model_of_directories({folder / "run"})["runs"][0]["time"];
  const double bin = time["bin_s"];
  double queued = 0;
  for (const double count : time["stages"]["queue"]) queued += count * bin;
  EXPECT_NEAR(queued, 0.25 * (1 + 2 + 3 + 4), 0.02);
  double busy = 0;
  for (const double share : time["work"]["instance0.gpu"]["prefill"]) busy += share * bin;
  EXPECT_NEAR(busy, 2.0, 0.02);
}

TEST(Model, TakesSeedsOfOneSettingTogetherAndNothingElse) {
  const Folder folder;
  make_run(folder / "a1", {.engine = "a", .seed = 1, .ttft_ms = 500});
  make_run(folder / "a2", {.engine = "a", .seed = 2, .ttft_ms = 700});
  make_run(folder / "b1", {.engine = "b", .seed = 1});
  make_run(folder / "c1", {.engine = "a", .seed = 1, .extra = "block_tokens: 512\n"});
  const auto model =
      model_of_directories({folder / "a1", folder / "a2", folder / "b1", folder / "c1"});
  ASSERT_THAT(model["groups"], SizeIs(3));
  EXPECT_THAT(model["groups"][0]["runs"], SizeIs(2));
  EXPECT_DOUBLE_EQ(model["groups"][0]["metrics"]["mean_ttft_ms"]["mean"], (1250.0 + 1750.0) / 2);
  EXPECT_EQ(model["groups"][0]["metrics"]["mean_ttft_ms"]["n"], 2);
  EXPECT_EQ(model["groups"][2]["load"], "block_tokens 512");
  EXPECT_EQ(model["runs"][0]["label"], "a, made, seed 1");
}

TEST(Model, TellsLateRequestsStagesApartFromThoseOfAll) {
  const Folder folder;
  make_run(folder / "run");
  const auto stages = model_of_directories({folder / "run"})["groups"][0]["stages"];
  EXPECT_EQ(stages[0]["requests"], 4);
  EXPECT_NEAR(stages[0]["queue"].get<double>(), 0.6 * 1250, 1e-6);
  EXPECT_EQ(stages[1]["of"], "missed");
  EXPECT_EQ(stages[1]["requests"], 2);
  EXPECT_NEAR(stages[1]["queue"].get<double>(), 0.6 * 1750, 1e-6);
}

TEST(Model, PairsMeasurementsWithTheirPredictions) {
  const Folder folder;
  make_run(folder / "sim", {.engine = "a"});
  make_run(folder / "other", {.engine = "b"});
  make_run(folder / "real", {.engine = "a", .driver = "realrun"});
  const auto model = model_of_directories({folder / "sim", folder / "other", folder / "real"});
  ASSERT_THAT(model["pairs"], SizeIs(1));
  EXPECT_EQ(model["pairs"][0]["simulated"], 0);
  EXPECT_EQ(model["pairs"][0]["real"], 2);
}

TEST(Model, NamesTheSettingsThatRunsDoNotShare) {
  const Folder folder;
  make_run(folder / "a", {.extra = "memory: {host: 1 GiB}\n"});
  make_run(folder / "b", {.seed = 2, .extra = "memory: {host: 2 GiB}\n"});
  const auto rows = model_of_directories({folder / "a", folder / "b"})["differences"];
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].dump(), R"({"key":"memory.host","values":["1 GiB","2 GiB"]})");
}

TEST(Model, IsTheSameForTheSameRuns) {
  const Folder folder;
  make_run(folder / "a");
  const std::vector<std::string> one{folder / "a"};
  EXPECT_EQ(model_of_directories(one).dump(), model_of_directories(one).dump());
}

TEST(Model, ShowsSoManyRunsInDetailAndSaysSo) {
  const Folder folder;
  std::vector<std::string> directories;
  for (int i = 0; i < static_cast<int>(most_detailed_runs) + 2; ++i) {
    directories.push_back(folder / ("run" + std::to_string(i)));
    make_run(directories.back(), {.seed = static_cast<std::uint64_t>(i)});
  }
  const auto model = model_of_directories(directories);
  std::size_t detailed = 0;
  for (const auto& run : model["runs"]) detailed += run["requests"].is_null() ? 0 : 1;
  EXPECT_EQ(detailed, most_detailed_runs);
  EXPECT_THAT(model["notes"][0].get<std::string>(), HasSubstr("Of 14 runs, 12 are shown"));
}

}  // namespace
}  // namespace calvo::report
