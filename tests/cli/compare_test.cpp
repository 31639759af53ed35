// `calvo compare`, of sweeps and of runs.
#include <filesystem>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/sweep_folder.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Compare, PutsTheEnginesOfASweepSideBySide) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  const Ran ran = here.run({"compare", "a", "--metric", "mean_ttft_ms"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("settings        runs  n  mean_ttft_ms "));
  EXPECT_THAT(ran.out, HasSubstr("Differences are paired by seed. * significant at 5 % after "
                                 "Holm's correction for 2 tests of a metric"));
  ASSERT_EQ(here.run({"run", "s.yaml", "--seed", "2", "--out", "r", "--quiet"}).exit_code, 0);
  EXPECT_THAT(here.run({"compare", "a", "r"}).out, HasSubstr("calvo (sim)"));
  EXPECT_EQ(here.run({"compare", "a", "r", "./a"}).err,
            "calvo: ./a:0:0: is named twice; name it once\n");
  fs::create_directories(here / "copies");
  fs::copy(here / "a", here / "copies/a", fs::copy_options::recursive);
  const Ran copies = here.run({"compare", "a", "copies/a", "--format", "csv"});
  ASSERT_EQ(copies.exit_code, 0) << copies.err;
  EXPECT_THAT(copies.out, HasSubstr(",calvo (copies/a),")) << "the last name is that of both";
}

TEST(Compare, PoolsNoRunsOfOtherSettingsUnderOneName) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const auto run = [&](const char* seed, const char* rate, const char* out) {
    return here
        .run({"run", "s.yaml", "--seed", seed, "--set",
              std::string("workload.synthetic.arrival.rate=") + rate, "--out", out, "--quiet"})
        .exit_code;
  };
  ASSERT_EQ(run("1", "2 /s", "r1"), 0);
  ASSERT_EQ(run("2", "2 /s", "r2"), 0);
  ASSERT_EQ(run("3", "4 /s", "r3"), 0);
  const Ran ran =
      here.run({"compare", "r1", "r2", "r3", "--metric", "mean_ttft_ms", "--format", "csv"});
  EXPECT_THAT(ran.out, HasSubstr("\nmean_ttft_ms,rate 2 /s,calvo,2,")) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\nmean_ttft_ms,rate 4 /s,calvo,1,"));
}

TEST(Compare, CountsRepeatsOfARealRunAndNoneOfASimulatedOne) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--out", "r1", "--quiet"}).exit_code, 0);
  fs::copy(here / "r1", here / "r2");
  EXPECT_EQ(here.run({"compare", "r1", "r2", "--metric", "mean_ttft_ms"}).err,
            "calvo: r2:0:0: has a simulated run of calvo, seed 1, as r1 has: a copy or a repeat is "
            "no further sample, and another scenario none of the same; leave one out\n");
  EXPECT_EQ(here.run({"compare", "r1", "r2"}).exit_code, 0) << "one beside the other";
  ASSERT_EQ(here.run({"run", "s.yaml", "--set", "name=other", "--out", "o", "--quiet"}).exit_code,
            0);
  EXPECT_THAT(here.run({"compare", "r1", "o", "--metric", "mean_ttft_ms", "--format", "csv"}).out,
              HasSubstr("\nmean_ttft_ms,other,calvo,1,"))
      << "another scenario is no other seed";
  for (const char* name : {"r1", "r2"}) {
    here.write(std::string(name) + "/environment.json", "{\"driver\": \"realrun\"}");
  }
  EXPECT_EQ(here.run({"compare", "r1", "r2", "--metric", "mean_ttft_ms"}).err,
            "calvo: r2:0:0: has the same requests.csv as r1, to the byte: a copy of a real run is "
            "no further sample; leave one out\n");
  std::string requests = here.read("r2/requests.csv");
  requests.insert(requests.find_first_of("0123456789", requests.find('.')), "0");
  here.write("r2/requests.csv", requests);
  const Ran real = here.run({"compare", "r1", "r2", "--metric", "mean_ttft_ms", "--format", "csv"});
  EXPECT_THAT(real.out, HasSubstr("\nmean_ttft_ms,,calvo,2,")) << real.err;
}

TEST(Compare, TakesStepsFromTheEngineBeforeAndCallsNamedPointsByTheirNames) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.write("w.yaml",
             "scenario: s.yaml\n"
             "engines: [vllm_sync, calvo_fifo, calvo]\n"
             "seeds: 2\n"
             "points:\n"
             "  - {name: quick, hardware.nic: {latency: 0 s, bandwidth: 40 GB/s}}\n"
             "  - {name: slow, hardware.nic: {latency: 0 s, bandwidth: 4 GB/s}}\n");
  const Ran sweep = here.run({"sweep", "w.yaml", "--out", "a", "--quiet"});
  ASSERT_EQ(sweep.exit_code, 0) << sweep.err;
  const Ran ran = here.run({"compare", "a", "--steps", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::map<std::string, double> mean, step;
  const auto comparison = nlohmann::json::parse(ran.out);
  for (const auto& value : comparison["values"]) {
    if (value["metric"] != "mean_ttft_ms") continue;
    const std::string where =
        value["settings"].get<std::string>() + " " + value["group"].get<std::string>();
    mean[where] = value["mean"];
    if (!value["vs_reference"].is_null()) step[where] = value["vs_reference"]["mean"];
  }
  ASSERT_EQ(mean.size(), 6U);
  EXPECT_EQ(step.size(), 4U);
  for (const std::string where : {"quick", "slow"}) {
    EXPECT_NEAR(step.at(where + " calvo_fifo"),
                mean.at(where + " calvo_fifo") - mean.at(where + " vllm_sync"), 1e-6);
    EXPECT_NEAR(step.at(where + " calvo"),
                mean.at(where + " calvo") - mean.at(where + " calvo_fifo"), 1e-6);
  }
}

TEST(Compare, RefusesSweepsItCannotRead) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  auto index = nlohmann::json::parse(here.read("a/sweep.json"));
  index["format"] = 2;
  here.write("a/sweep.json", index.dump());
  EXPECT_EQ(here.run({"compare", "a"}).err,
            "calvo: a/sweep.json:0:0: format: \"2\" is not the one that this calvo reads (1); "
            "compare with the calvo that wrote it, or sweep again\n");
  fs::remove(here / "a/sweep.json");
  EXPECT_EQ(here.run({"compare", "a"}).err,
            "calvo: a:0:0: is a sweep that is not finished: it has no tables; go on with calvo "
            "sweep --resume\n");
  EXPECT_THAT(here.run({"compare", "a", "--metric", "ttft"}).err,
              StartsWith("calvo: calvo compare:0:0: --metric: unknown metric \"ttft\""));
}

}  // namespace
}  // namespace calvo::testing
