// `calvo validate`: predictions against measurements, from directories to an exit code. The real
// runs are simulated ones with noise, whose environment.json this test says to be real.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

/// A slow NIC and few requests at once: most of a TTFT is the network's.
const Words network_bound = {"--set", "hardware.nic.bandwidth=2 GB/s", "--set",
                             "workload.synthetic.arrival.rate=0.5 /s"};

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void simulate(const Workplace& here, const std::string& out, const Words& more) {
  const Ran ran = here.run(Words{"run", "s.yaml", "--out", out, "--quiet", "--no-timeline"} + more);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
}

void declare_real(const Workplace& here, const std::string& directory) {
  auto environment = nlohmann::json::parse(here.read(directory + "/environment.json"));
  EXPECT_EQ(environment["driver"], "sim");
  environment["driver"] = "realrun";
  environment["fabric"] = "tcp";
  environment["device"] = "host";
  here.write(directory + "/environment.json", environment.dump());
}

/// A prediction of each engine and three "real" runs of it, with a little noise of their own.
Words campaign(const Workplace& here, const Words& more) {
  here.write("s.yaml", small_scenario());
  Words directories;
  for (const char* engine : {"vllm_sync", "calvo"}) {
    const Words with_engine = more + Words{"--engine", engine};
    simulate(here, std::string("sim-") + engine, with_engine);
    directories.push_back(std::string("sim-") + engine);
    for (const char* noise : {"0.010", "0.011", "0.012"}) {
      const std::string directory = std::string("real-") + engine + "-" + noise;
      simulate(here, directory,
               with_engine + Words{"--set", std::string("simulation.truth_noise=") + noise});
      declare_real(here, directory);
      directories.push_back(directory);
    }
  }
  return directories;
}

nlohmann::json report(const Workplace& here) {
  return nlohmann::json::parse(here.read("report.json"));
}

TEST(Validate, IdenticalRunsHaveNoErrorAndPass) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  simulate(here, "sim", {});
  for (const char* name : {"one", "two"}) {
    simulate(here, name, {});
    declare_real(here, name);
  }
  const Ran ran = here.run({"validate", "sim", "one", "two", "--json", "report.json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("WITHIN tolerance"));
  const auto measures = report(here)["cells"][0]["measures"];
  for (const char* statistic : {"mean", "p50", "p90"}) {
    const auto& residual = measures["ttft_ms"][statistic];
    EXPECT_EQ(residual["error"], 0.0) << statistic;
    EXPECT_NEAR(residual["spread"].get<double>(), 0, 1e-12) << statistic;
  }
  for (const auto& scale : measures["attainment"]) EXPECT_EQ(scale["error"], 0.0);
  for (const auto& stage : measures["stages_ms"]) EXPECT_EQ(stage["error"], 0.0);
  EXPECT_EQ(measures["per_request"]["median"], 0.0);
  EXPECT_NEAR(measures["per_request"]["pearson_r"].get<double>(), 1, 1e-12);
}

TEST(Validate, ARightModelPassesWithNoiseInTheTestbed) {
  const Workplace here;
  const Words directories = campaign(here, network_bound);
  const Ran ran = here.run(Words{"validate"} + directories + Words{"--json", "report.json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(report(here)["scenarios"][0]["rank_by_ttft"]["flipped"].size(), 0U);
}

TEST(Validate, ALinkThatIsWrongByAFifthTurnsANetworkBoundScenarioRed) {
  const Workplace here;
  const Words directories = campaign(here, network_bound);
  for (const char* wrong : {"1.6 GB/s", "2.4 GB/s"}) {
    Words changed = directories;
    for (const char* engine : {"vllm_sync", "calvo"}) {
      const std::string name = std::string("wrong-") + wrong[0] + wrong[2] + engine;
      simulate(here, name,
               network_bound + Words{"--set", std::string("hardware.nic.bandwidth=") + wrong,
                                     "--engine", engine});
      std::ranges::replace(changed, std::string("sim-") + engine, name);
    }
    const Ran ran = here.run(Words{"validate"} + changed + Words{"--json", "report.json"});
    EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("OUTSIDE tolerance"));
    EXPECT_THAT(ran.out, HasSubstr("OUTSIDE ttft_p50"));
    // And the residuals say where: in the network, more than in any other stage.
    const auto stages = report(here)["cells"][1]["measures"]["stages_ms"];
    const double network = std::abs(stages["network"]["error"].get<double>());
    for (const char* other : {"lookup", "pcie", "compute"}) {
      EXPECT_GT(network, 10 * std::abs(stages[other]["error"].get<double>())) << other;
    }
  }
}

TEST(Validate, WritesItsReports) {
  const Workplace here;
  const Words directories = campaign(here, {});
  const Ran ran =
      here.run(Words{"validate"} + directories +
               Words{"--markdown", "report.md", "--json", "report.json", "--quiet", "--tolerance",
                     "attainment=20 points", "--holdout", "small", "--baseline", "calvo"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(here.read("report.md"), StartsWith("## Simulated against real\n"));
  EXPECT_THAT(here.read("report.md"), HasSubstr("| small \\* | vllm\\_sync | 3 |"));
  EXPECT_EQ(report(here)["verdict"]["judged_over"], "held_out");
  EXPECT_EQ(report(here)["scenarios"][0]["baseline"], "calvo");
}

TEST(Validate, TakesHoldOutScenariosFromTheManifestOfACampaign) {
  const Workplace here;
  const Words directories = campaign(here, {});
  here.write("manifest.json", R"({"holdout": ["small"], "files": {}})");
  const Ran ran = here.run(Words{"validate"} + directories + Words{"--manifest", "manifest.json"});
  EXPECT_THAT(ran.out, HasSubstr("judged over the held out scenarios"));
}

TEST(Validate, WhatIsWrongIsNamedWithARemedy) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  simulate(here, "sim", {});
  simulate(here, "real", {});
  declare_real(here, "real");
  here.write("manifest.json", "[]");
  struct Wrong {
    Words arguments;
    std::string message;
  };
  const Wrong cases[] = {
      {{}, "calvo: DIR is required; see calvo --help\n"},
      {{"sim", "none"}, "calvo: none:0:0: no such directory; name one that `calvo run` wrote\n"},
      {{"sim", "sim"}, "calvo: sim:0:0: is named twice; name each run once\n"},
      {{"sim"},
       "calvo: calvo validate:0:0: all runs are simulated; name real ones, of `calvo realrun`, "
       "too\n"},
      {{"sim", "real", "--holdout", "smal"},
       "calvo: calvo validate:0:0: --holdout: no run is of scenario \"smal\" (did you mean "
       "\"small\"?)\n"},
      {{"sim", "real", "--tolerance", "ttft=5%"},
       "calvo: --tolerance ttft=5%:1:6: ttft: unknown limit (did you mean \"ttft_p50\" or "
       "\"ttft_p90\" or \"ttft_p99\"?)\n"},
      {{"sim", "real", "--manifest", "manifest.json"},
       "calvo: manifest.json:0:0: --manifest: is no campaign manifest: a JSON object whose "
       "\"holdout\" is a list of names\n"},
      {{"sim", "real", "--json", "no/where.json"},
       "calvo: no/where.json:0:0: --json: cannot be written; choose another place\n"},
      {{"sim", "real", "--json", "./sim/summary.json"},
       "calvo: ./sim/summary.json:0:0: --json: lies in a run that is to be validated; choose "
       "another "
       "place\n"},
      {{"sim", "real", "--json", "r", "--markdown", "./r"},
       "calvo: r:0:0: --json: is the place of --markdown, too; choose another one\n"},
  };
  for (const Wrong& wrong : cases) {
    const Ran ran = here.run(Words{"validate"} + wrong.arguments);
    EXPECT_EQ(ran.exit_code, 2) << wrong.message;
    EXPECT_EQ(ran.err, wrong.message);
    EXPECT_THAT(ran.out, IsEmpty()) << wrong.message;
  }
}

TEST(Validate, SaysWhichRunsItDiscards) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  simulate(here, "sim", {});
  simulate(here, "late", {});
  declare_real(here, "late");
  auto summary = nlohmann::json::parse(here.read("late/summary.json"));
  summary["load"] = {{"lateness_p99_s", 1.5}, {"spare_cpu_busy", 0.1}};
  here.write("late/summary.json", summary.dump());
  const Ran ran = here.run({"validate", "sim", "late"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("warning: late is discarded: its load came late: P99 1500.000 ms, "
                                 "above 1 % of its median TTFT "));
  EXPECT_THAT(ran.out, HasSubstr("OUTSIDE no valid real run: small / calvo\n"));
}

TEST(Validate, HelpTeaches) {
  const Workplace here;
  const Ran ran = here.run({"validate", "--help"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("Example"));
  EXPECT_THAT(ran.out, HasSubstr("Exit codes: 0 within all limits, 1 outside, 2 wrong input."));
  EXPECT_THAT(ran.out, Not(HasSubstr("\n\n\n")));
}

}  // namespace
}  // namespace calvo::testing
