#include "analysis/validation_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/output_file.hpp"
#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::error_of;
using testing::labels;
using testing::small_run;
using testing::TemporaryDirectory;
using testing::write_run;

std::string written_run(const TemporaryDirectory& directory, const std::string& environment,
                        const std::string& load = "") {
  const std::string path = directory / "run";
  write_run(path, small_run(), labels());
  if (!environment.empty()) write_file(path + "/environment.json", environment);
  if (!load.empty()) {
    std::string summary = testing::read_file(path + "/summary.json");
    write_file(path + "/summary.json", "{\"load\": " + load + "," + summary.substr(1));
  }
  return path;
}

TEST(ValidationRun, SaysWhatExecutedItAndHowGoodItsLoadWas) {
  const TemporaryDirectory directory;
  const std::string path = written_run(
      directory, R"({"driver": "realrun", "fabric": "verbs", "device": "cuda", "host": "h"})",
      R"({"lateness_p99_s": 0.0005, "spare_cpu_busy": 0.25, "nodes_lost": 2, "corrupt_blocks": 37,
          "reconnects": 3, "faults": ["die@5s"]})");
  const ValidationRun run = read_validation_run(path + "/");
  EXPECT_EQ(run.driver, Driver::realrun);
  EXPECT_EQ(run.fabric, "verbs");
  EXPECT_EQ(run.device, "cuda");
  EXPECT_EQ(run.host, "h");
  EXPECT_EQ(run.load.lateness_p99_s, 0.0005);
  EXPECT_EQ(run.load.spare_cpu_busy, 0.25);
  EXPECT_EQ(run.load.nodes_lost, 2);
  EXPECT_EQ(run.load.corrupt_blocks, 37);
  EXPECT_EQ(run.load.reconnects, 3);
  EXPECT_EQ(run.load.faults, std::vector<std::string>{"die@5s"});
  EXPECT_EQ(run.run.path, path);
  EXPECT_EQ(run.run.requests.size(), 3U);
}

TEST(ValidationRun, MaySayNothingOfItsLoad) {
  const TemporaryDirectory directory;
  const ValidationRun run = read_validation_run(written_run(directory, R"({"driver": "sim"})"));
  EXPECT_EQ(run.driver, Driver::sim);
  EXPECT_EQ(run.load.lateness_p99_s, std::nullopt);
  EXPECT_EQ(run.load.nodes_lost, 0);
  EXPECT_EQ(run.fabric, "");
}

TEST(ValidationRun, MayLeaveOutAPartOfItsLoad) {
  const TemporaryDirectory directory;
  const ValidationRun run = read_validation_run(
      written_run(directory, R"({"driver": "realrun"})", R"({"lateness_p99_s": null})"));
  EXPECT_EQ(run.load.lateness_p99_s, std::nullopt);
}

struct Wrong {
  std::string environment;
  std::string load;
  std::string message;  ///< behind the path of the directory
};

TEST(ValidationRun, WhatIsWrongIsNamedAtItsPlace) {
  const Wrong cases[] = {
      {"", "", "/environment.json:0:0: cannot be read; name a whole run directory"},
      {"[]", "", "/environment.json:0:0: is no JSON object; run again"},
      {"{}", "",
       "/environment.json:0:0: driver: missing: it says whether the run was simulated (\"sim\") "
       "or real (\"realrun\"); run again with this version"},
      {R"({"driver": "car"})", "",
       "/environment.json:0:0: driver: \"car\" is neither \"sim\" nor \"realrun\"; run again with "
       "this version"},
      {R"({"driver": "realrun"})", R"({"lateness_p99_s": "late"})",
       "/summary.json:0:0: load.lateness_p99_s: is not a number; run again"},
      {R"({"driver": "realrun"})", R"({"nodes_lost": "few"})",
       "/summary.json:0:0: load.nodes_lost: is not a number; run again"},
      {R"({"driver": "realrun"})", R"({"faults": [1]})",
       "/summary.json:0:0: load.faults: is no list of scripts; run again"},
  };
  for (const Wrong& wrong : cases) {
    const TemporaryDirectory directory;
    const std::string path = written_run(directory, wrong.environment, wrong.load);
    EXPECT_EQ(error_of([&] { read_validation_run(path); }), path + wrong.message);
  }
}

}  // namespace
}  // namespace calvo::analysis
