// `calvo explain` over runs with planted causes.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string planted_scenario(const std::string& name) {
  return CALVO_SOURCE_DIR "/scenarios/planted/" + name + ".yaml";
}

nlohmann::json explained(const Workplace& here, const std::string& directory) {
  const Ran ran = here.run({"explain", directory, "--format", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return ran.exit_code == 0 ? nlohmann::json::parse(ran.out) : nlohmann::json{};
}

TEST(Explain, NamesThePlantedCauseOfEachScenario) {
  const std::pair<const char*, const char*> causes[] = {
      {"storage_nic", "storage NIC"}, {"serving_nic", "serving NIC"},
      {"pcie_switch", "PCIe switch"}, {"gpu_compute", "GPU compute"},
      {"gpu_memory", "GPU memory"},   {"token_budget", "token budget"}};
  const Workplace here;
  for (const auto& [name, culprit] : causes) {
    ASSERT_EQ(here.run({"run", planted_scenario(name), "--quiet", "--no-timeline", "--out", name})
                  .exit_code,
              0);
    const auto json = explained(here, name);
    EXPECT_EQ(json["culprit"], culprit) << name;
    EXPECT_GT(json["late"], 50) << name;
    EXPECT_LT(json["not_attributed_s"].get<double>(), 0.01 * json["time_s"].get<double>()) << name;
  }
}

TEST(Explain, SaysTheSameOfARecordedRunAndOfOneThatItSimulatesAgain) {
  const Workplace here;
  const std::string file = planted_scenario("gpu_memory");
  ASSERT_EQ(here.run({"run", file, "--quiet", "--out", "a", "--events"}).exit_code, 0);
  const Ran recorded = here.run({"explain", "a"});
  ASSERT_EQ(recorded.exit_code, 0) << recorded.err;
  std::filesystem::remove(here / "a/events.bin");
  const Ran again = here.run({"explain", "a"});
  EXPECT_EQ(again.out, recorded.out);
  EXPECT_THAT(again.err, IsEmpty());
}

TEST(Explain, RefusesWhatItCannotRead) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--quiet", "--out", "a"}).exit_code, 0);
  const auto error = [&](const std::vector<std::string>& arguments) {
    const Ran ran = here.run(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    return ran.err;
  };
  EXPECT_EQ(error({"explain", "b"}),
            "calvo: b:0:0: no such directory; name one that `calvo run` wrote\n");
  EXPECT_EQ(error({"explain", "a", "--request", "70"}),
            "calvo: a:0:0: --request: no request \"70\"; nearest: 59, 58, 57\n");
  const std::string scenario = here.read("a/scenario.resolved.yaml");
  std::string other = scenario;
  other.replace(other.find("seed: 1"), 7, "seed: 2");
  here.write("a/scenario.resolved.yaml", other);
  EXPECT_EQ(error({"explain", "a"}),
            "calvo: a/events.bin:0:0: no such file, and simulating scenario.resolved.yaml again "
            "gives other requests.csv; use the calvo that made the run, or run it with --events\n");
  here.write("a/environment.json", "{\"driver\": \"realrun\"}\n");
  EXPECT_EQ(error({"explain", "a"}),
            "calvo: a/events.bin:0:0: no such file, and a real run cannot be repeated; run it with "
            "--events\n");
  std::filesystem::remove(here / "a/scenario.resolved.yaml");
  here.write("a/events.bin", "?");
  EXPECT_THAT(error({"explain", "a"}), HasSubstr("scenario.resolved.yaml"));
}

TEST(Explain, ARunWithoutLateRequestsIsNoError) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(
      here.run({"run", "s.yaml", "--set", "slo.ttft=none", "--quiet", "--out", "a"}).exit_code, 0);
  const Ran ran = here.run({"explain", "a"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "a: no late request among 60\n");
}

}  // namespace
}  // namespace calvo::testing
