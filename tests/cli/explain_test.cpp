// `calvo explain` over runs with planted causes.
#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

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

TEST(Explain, EndsAtCtrlCWithAWord) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--quiet", "--out", "a"}).exit_code, 0);
  // A pipe in place of the scenario: whoever writes to it knows that somebody reads it.
  const std::filesystem::path pipe = here / "a/scenario.resolved.yaml";
  std::filesystem::remove(pipe);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  int writer = -1;
  const Ran ran = here.run_and_signal({"explain", "a"}, SIGINT, [&] {
    writer = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK);
    return writer >= 0;
  });
  ::close(writer);
  EXPECT_EQ(ran.exit_code, 130);
  EXPECT_EQ(ran.err,
            "calvo: interrupted; nothing was explained and nothing written; run it again\n");
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Explain, SaysThatARunWithoutALogWasInterrupted) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--quiet", "--out", "a"}).exit_code, 0);
  std::string summary = here.read("a/summary.json");
  const std::string complete = "\"complete\": true";
  summary.replace(summary.find(complete), complete.size(), "\"complete\": false");
  here.write("a/summary.json", summary);
  const Ran ran = here.run({"explain", "a"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "calvo: a/events.bin:0:0: no such file, and the run was interrupted: simulated again "
            "it would not stop there; simulate all of it with calvo run "
            "a/scenario.resolved.yaml, or give --events, whose log an interrupted run keeps\n");
}

TEST(Explain, CountsAsManyLateRequestsAsTheRunDoesAfterItsWarmUp) {
  const Workplace here;
  ASSERT_EQ(here.run({"run", planted_scenario("storage_nic"), "--set", "simulation.warm_up=5 s",
                      "--quiet", "--no-timeline", "--events", "--out", "a"})
                .exit_code,
            0);
  const auto summary = nlohmann::json::parse(here.read("a/summary.json"));
  const auto json = explained(here, "a");
  EXPECT_GT(json["not_measured"], 0);
  EXPECT_EQ(json["not_measured"], summary["not_measured"]);
  EXPECT_EQ(json["requests"], summary["measured"]);
  EXPECT_EQ(json["late"].get<int>(),
            summary["slo_judged"].get<int>() - summary["slo_met"].get<int>());
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
