// `calvo run` and what it leaves on disk.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "tests/analysis/trace_rules.hpp"
#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

nlohmann::json parse(const std::string& text) {
  return nlohmann::json::parse(text);
}

TEST(Run, LeavesAWholeRunDirectoryAndNamesIt) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = here.run({"run", "s.yaml"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Serving Benchmark Result"));
  EXPECT_THAT(ran.out, HasSubstr("run directory: runs/small-calvo-1\n"));
  EXPECT_THAT(ran.err, IsEmpty()) << "no progress line where nobody watches";
  for (const char* name : {"scenario.resolved.yaml", "environment.json", "summary.json",
                           "requests.csv", "timeline.json"}) {
    EXPECT_THAT(here.read(std::string("runs/small-calvo-1/") + name), Not(IsEmpty())) << name;
  }
  const auto summary = parse(here.read("runs/small-calvo-1/summary.json"));
  EXPECT_EQ(summary["completed"], 60);
  EXPECT_EQ(summary["complete"], true);
  const auto& stages = summary["stages_ms"];
  double sum = 0;
  for (const auto& stage : stages) sum += stage.get<double>();
  EXPECT_NEAR(sum, summary["mean_ttft_ms"].get<double>(), 1e-6);
  const std::string timeline = here.read("runs/small-calvo-1/timeline.json");
  EXPECT_THAT(TraceRules::problems_of(timeline), IsEmpty());
  std::map<std::string, int> events;
  const auto trace = parse(timeline);
  for (const auto& event : trace["traceEvents"]) ++events[event["ph"]];
  EXPECT_EQ(events["s"], 60) << "a flow for each request";
  EXPECT_EQ(events["f"], 60);
  EXPECT_GT(events["C"], 0) << "how full each memory is";
  const auto environment = parse(here.read("runs/small-calvo-1/environment.json"));
  EXPECT_GT(environment["peak_memory_bytes"], 0);
  // No rate where so short a run took no time by a coarse clock.
  EXPECT_EQ(environment["requests_per_cpu_s"] > 0.0, environment["cpu_s"] > 0.0);
}

TEST(Run, OccupancyOverTimeHasTheMeansOfTheSummary) {
  const Workplace here;
  here.write("small.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "small.yaml", "--out", "out"}).exit_code, 0);
  const auto summary = parse(here.read("out/summary.json"));
  std::istringstream table(here.read("out/occupancy.csv"));
  std::string line;
  ASSERT_TRUE(std::getline(table, line));
  std::string header = "from_s,to_s";
  std::vector<double> expected;
  for (const auto& [name, use] : summary["occupancy"].items()) {
    header += "," + name;
    expected.push_back(use["mean"]);
  }
  EXPECT_EQ(line, header);
  // The summary counts from the first arrival; the table from the start of the run, when all is
  // empty. A storage node's mean is its end in the summary, so that it is left out here.
  std::vector<double> sums(expected.size(), 0.0);
  double end = 0;
  while (std::getline(table, line)) {
    std::vector<double> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(std::stod(cell));
    ASSERT_EQ(cells.size(), expected.size() + 2);
    EXPECT_EQ(cells[0], end);
    end = cells[1];
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += cells[i + 2] * (cells[1] - cells[0]);
  }
  double first_arrival = 1e9;
  std::istringstream requests(here.read("out/requests.csv"));
  std::getline(requests, line);
  while (std::getline(requests, line)) {
    std::istringstream row(line);
    std::string cell;
    for (int i = 0; i < 5; ++i) std::getline(row, cell, ',');
    first_arrival = std::min(first_arrival, std::stod(cell));
  }
  ASSERT_GT(end, first_arrival);
  int checked = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if ((std::next(summary["occupancy"].begin(), static_cast<long>(i)))
            .key()
            .starts_with("storage")) {
      continue;
    }
    EXPECT_NEAR(sums[i] / (end - first_arrival), expected[i], 1e-5);
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

TEST(Run, DrawsATrackForEachGpuNicAndLane) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--out", "a", "--quiet", "--set", "engine.tensor_parallel=2",
                      "--set", "topology.nics_per_serving_node=2"})
                .exit_code,
            0);
  std::set<std::string> tracks;
  const auto trace = parse(here.read("a/timeline.json"));
  for (const auto& event : trace["traceEvents"]) {
    const std::string name = event["ph"] == "M" ? event["args"]["name"] : "request";
    if (event["name"] == "thread_name" && !name.starts_with("request")) tracks.insert(name);
  }
  EXPECT_THAT(tracks,
              IsSupersetOf({"instance0.gpu", "instance0.gpu0.pcie.h2d", "instance0.gpu1.pcie.h2d",
                            "serving0.nic0.rx", "serving0.nic1.rx", "storage0.nic0.tx"}));
  const auto summary = parse(here.read("a/summary.json"));
  for (const auto& [name, share] : summary["utilization"].items()) {
    tracks.erase(name);
  }
  EXPECT_THAT(tracks, IsEmpty()) << "each is a resource of the summary";
}

/// Files of a run that must not depend on when and where it was made.
const std::vector<std::string> stable_files = {"scenario.resolved.yaml", "summary.json",
                                               "requests.csv", "timeline.json", "occupancy.csv"};

class RunDeterminism : public ::testing::TestWithParam<const char*> {};

TEST_P(RunDeterminism, TheSameScenarioAndSeedGiveTheSameBytes) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  for (const char* out : {"a", "b"}) {
    const Ran ran = here.run({"run", "s.yaml", "--engine", GetParam(), "--out", out, "--quiet"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out, std::string(out) + "\n");
  }
  for (const std::string& name : stable_files) {
    EXPECT_EQ(here.read("a/" + name), here.read("b/" + name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, RunDeterminism,
                         ::testing::Values("recompute_only", "vllm_sync", "vllm_async_2025",
                                           "early_prefetch", "calvo_fifo", "calvo_sjf", "calvo"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST(Run, AnotherSeedGivesOtherRequests) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--seed", "2", "--out", "two", "--quiet"});
  here.run({"run", "s.yaml", "--seed", "3", "--out", "three", "--quiet"});
  EXPECT_EQ(parse(here.read("two/summary.json"))["seed"], 2);
  EXPECT_NE(here.read("two/requests.csv"), here.read("three/requests.csv"));
}

TEST(Run, TheResolvedScenarioReloadsToTheSameRun) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--set", "engine.cut=never", "--seed", "5", "--out", "a", "--quiet"});
  const Ran again = here.run({"run", "a/scenario.resolved.yaml", "--out", "b", "--quiet"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  for (const std::string& name : stable_files) {
    EXPECT_EQ(here.read("a/" + name), here.read("b/" + name)) << name;
  }
}

TEST(Run, NeverOverwritesUnlessForced) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  const Ran refused = here.run({"run", "s.yaml", "--seed", "9", "--out", "a"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.err,
            "calvo: a:0:0: --out: holds a run already; choose another name, or --force to replace "
            "it\n");
  EXPECT_EQ(parse(here.read("a/summary.json"))["seed"], 1);
  EXPECT_EQ(here.run({"run", "s.yaml", "--seed", "9", "--out", "a", "--force"}).exit_code, 0);
  EXPECT_EQ(parse(here.read("a/summary.json"))["seed"], 9);
  EXPECT_THAT(here.files(), ElementsAre("a", "s.yaml"));
}

TEST(Run, NumbersRunsThatHaveNoNameOfTheirOwn) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  EXPECT_EQ(here.run({"run", "s.yaml", "--quiet"}).out, "runs/small-calvo-1\n");
  EXPECT_EQ(here.run({"run", "s.yaml", "--quiet"}).out, "runs/small-calvo-1-2\n");
}

/// The event log of a run to `folder`/`name` grows while it simulates.
bool is_simulating(const std::filesystem::path& folder, const std::string& name) {
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
    if (entry.path().filename().string().starts_with(name + ".partial-")) {
      const auto size = std::filesystem::file_size(entry.path() / "events.bin", gone);
      if (!gone && size > 1'000'000) return true;
    }
  }
  return false;
}

TEST(Run, ASecondOneIntoTheSamePlaceIsRefusedAndTheFirstKeepsIt) {
  const Workplace here;
  here.write("s.yaml", endless_scenario());
  here.write("t.yaml", small_scenario());
  Ran second;
  const Ran first = here.run_and_signal({"run", "s.yaml", "--out", "out", "--events"}, SIGINT, [&] {
    if (!is_simulating(here / "", "out")) return false;
    second = here.run({"run", "t.yaml", "--out", "out", "--force"});
    return true;
  });
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_EQ(second.err,
            "calvo: out:0:0: --out: another calvo is writing a run there; wait for it, or choose "
            "another name\n");
  EXPECT_EQ(first.exit_code, 130);
  EXPECT_EQ(parse(here.read("out/summary.json"))["complete"], false) << "it is the first one's";
  EXPECT_THAT(here.files(), ElementsAre("out", "s.yaml", "t.yaml"));
}

/// While it lives, programs that are started can write no file beyond `most` bytes: as on a disk
/// that is full, without one.
class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t most) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{most, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
  rlimit before_{};
};

Ran run_in(const Workplace& here, rlim_t most, const std::vector<std::string>& arguments) {
  const FileSizeLimit limit(most);
  return here.run(arguments);
}

TEST(RunOnAFullDisk, KeepsWhatFitsAndNamesWhatDoesNot) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = run_in(here, 40'000, {"run", "s.yaml", "--out", "out"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "calvo: out/timeline.json:0:0: cannot be written (File too large); choose another "
            "place with --out\nthe rest of the run is in out\n");
  EXPECT_FALSE(std::filesystem::exists(here / "out/timeline.json"));
  EXPECT_THAT(ran.out, HasSubstr("run directory: out\n"));
  EXPECT_EQ(here.run({"compare", "out"}).exit_code, 0);
  const Ran several = run_in(
      here, 40'000, {"run", "s.yaml", "--engines", "calvo,vllm_sync", "--out", "all", "--quiet"});
  EXPECT_EQ(several.exit_code, 2);
  EXPECT_EQ(several.out, "all/calvo\nall/vllm_sync\n");
  EXPECT_THAT(several.err, HasSubstr("the rest of the run is in all/vllm_sync\n"));
}

TEST(RunOnAFullDisk, PrintsTheSummaryWhereNoDirectoryFits) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = run_in(here, 8'000, {"run", "s.yaml", "--out", "out", "--quiet"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "calvo: out/requests.csv:0:0: cannot be written (File too large); choose another "
            "place with --out\nno run directory could be made; its summary is above\n");
  EXPECT_THAT(ran.out, HasSubstr("Serving Benchmark Result"));
  EXPECT_THAT(here.files(), ElementsAre("s.yaml"));
}

TEST(RunOnAFullDisk, LosesTheEventLogAndNotTheRun) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = run_in(here, 20'000,
                         {"run", "s.yaml", "--out", "out", "--quiet", "--events", "--no-timeline"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "calvo: out/events.bin:0:0: cannot be written (File too large); choose another place "
            "with --out\nthe rest of the run is in out\n");
  EXPECT_FALSE(std::filesystem::exists(here / "out/events.bin"));
  EXPECT_EQ(parse(here.read("out/summary.json"))["completed"], 60);
}

struct BadRun {
  std::string name;
  std::string scenario;
  std::vector<std::string> arguments;
  std::string message;
};

std::string with(const std::string& from, const std::string& to) {
  std::string text = small_scenario();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Run, BadInputEndsItWithItsPlaceAndNoDirectory) {
  const BadRun cases[] = {
      {"unknown engine",
       small_scenario(),
       {"--engine", "calvoo"},
       "calvo: --set engine=calvoo:1:8: engine: unknown engine \"calvoo\" (did you mean "
       "\"calvo\""},
      {"unknown key", with("block_tokens", "block_token"), {}, "calvo: s.yaml:6:1: block_token: "},
      {"number without unit", with("8 GiB", "8"), {}, "calvo: s.yaml:7:15: memory.gpu: "},
      {"no override",
       small_scenario(),
       {"--set", "nonsense"},
       "calvo: --set nonsense:1:9: no \"=\"; write --set a.b.c=value"},
      {"one bad engine of several",
       small_scenario(),
       {"--engines", "calvo,vlm_sync"},
       "calvo: --set engine=vlm_sync:1:8: engine: unknown engine \"vlm_sync\" (did you mean "
       "\"vllm_sync\""},
  };
  for (const BadRun& bad : cases) {
    const Workplace here;
    here.write("s.yaml", bad.scenario);
    std::vector<std::string> arguments = {"run", "s.yaml"};
    arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
    const Ran ran = here.run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << bad.name;
    EXPECT_THAT(ran.err, StartsWith(bad.message)) << bad.name;
    EXPECT_THAT(ran.out, IsEmpty()) << bad.name;
    EXPECT_THAT(here.files(), ElementsAre("s.yaml")) << bad.name;
  }
}

TEST(Run, AScenarioThatIsADirectoryIsRefused) {
  const Workplace here;
  std::filesystem::create_directory(here / "d");
  EXPECT_EQ(here.run({"run", "d"}).err, "calvo: d:0:0: is a directory; name a YAML file in it\n");
}

TEST(Run, APlaceThatCannotBeWrittenIsAnError) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = here.run({"run", "s.yaml", "--out", "s.yaml/run"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("s.yaml/run:0:0: --out: cannot be made"));
}

TEST(Run, CtrlCLeavesAValidDirectoryMarkedIncomplete) {
  const Workplace here;
  here.write("s.yaml", endless_scenario());
  const Ran ran = here.run_and_signal({"run", "s.yaml", "--out", "out", "--events"}, SIGINT,
                                      [&] { return is_simulating(here / "", "out"); });
  EXPECT_EQ(ran.exit_code, 130) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("INCOMPLETE"));
  EXPECT_THAT(here.files(), ElementsAre("out", "s.yaml"));
  const auto summary = parse(here.read("out/summary.json"));
  EXPECT_EQ(summary["complete"], false);
  EXPECT_LT(summary["completed"], 2'000'000);
  EXPECT_TRUE(parse(here.read("out/timeline.json")).contains("traceEvents"));
  EXPECT_THAT(here.run({"compare", "out"}).out, HasSubstr("calvo (incomplete)"));
  EXPECT_EQ(here.run({"replay", "out"}).exit_code, 0);
}

TEST(Run, CtrlCReachesEveryEngineOfAComparison) {
  const Workplace here;
  here.write("s.yaml", endless_scenario());
  const Ran ran = here.run_and_signal(
      {"run", "s.yaml", "--out", "all", "--events", "--engines", "calvo,calvo_fifo", "--jobs", "2"},
      SIGINT, [&] {
        return is_simulating(here / "all", "calvo") && is_simulating(here / "all", "calvo_fifo");
      });
  EXPECT_EQ(ran.exit_code, 130) << ran.err;
  EXPECT_EQ(parse(here.read("all/calvo/summary.json"))["complete"], false);
  EXPECT_EQ(parse(here.read("all/calvo_fifo/summary.json"))["complete"], false);
}

TEST(RunSideBySide, WritesOneDirectoryForEachEngineAndComparesThem) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran = here.run({"run", "s.yaml", "--engines", "vllm_sync,calvo", "--out", "all"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("TTFT against vllm_sync, paired by request"));
  EXPECT_THAT(ran.out, HasSubstr("run directories:\n  all/vllm_sync\n  all/calvo\n"));
  const Ran compared = here.run({"compare", "all/vllm_sync", "all/calvo"});
  EXPECT_EQ(compared.exit_code, 0);
  EXPECT_THAT(ran.out, StartsWith(compared.out));
}

TEST(RunSideBySide, GivesWhatEachEngineAloneGives) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--engines", "vllm_sync,calvo", "--out", "all", "--quiet"});
  here.run({"run", "s.yaml", "--engine", "calvo", "--out", "alone", "--quiet"});
  for (const std::string& name : stable_files) {
    EXPECT_EQ(here.read("all/calvo/" + name), here.read("alone/" + name)) << name;
  }
}

TEST(Compare, PrintsJsonForMachines) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--engines", "vllm_sync,calvo", "--out", "all", "--quiet"});
  const auto json = parse(here.run({"compare", "--json", "all/vllm_sync", "all/calvo"}).out);
  EXPECT_EQ(json["runs"].size(), 2U);
  EXPECT_EQ(json["runs"][1]["ttft_vs_first"]["pairs"], 60);
  EXPECT_TRUE(json["warnings"].empty());
}

TEST(Compare, SaysThatWorkloadsDiffer) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--out", "a", "--quiet"});
  here.run({"run", "s.yaml", "--seed", "2", "--out", "b", "--quiet"});
  EXPECT_THAT(here.run({"compare", "a", "b"}).out,
              HasSubstr("warning: b has seed 2, the first has 1\n"));
}

TEST(Compare, RefusesADamagedDirectory) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--out", "a", "--quiet"});
  here.write("a/summary.json", "{\n");
  const Ran ran = here.run({"compare", "a"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "calvo: a/summary.json:2:1: is not JSON; run the scenario again\n");
}

TEST(RunsOfAnotherVersion, AreRefusedByAllThatReadThem) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--out", "a", "--quiet", "--no-timeline"});
  auto summary = nlohmann::ordered_json::parse(here.read("a/summary.json"));
  summary["schema_version"] = 2;
  std::filesystem::copy(here / "a", here / "b");
  here.write("b/summary.json", summary.dump());
  for (const std::vector<std::string>& reader : {std::vector<std::string>{"compare", "a", "b"},
                                                 {"compare", "a", "b", "--metric", "p99_ttft_ms"},
                                                 {"validate", "a", "b"},
                                                 {"report", "a", "b"},
                                                 {"report", "b", "--format", "vllm"}}) {
    const Ran ran = here.run(reader);
    EXPECT_EQ(ran.exit_code, 2) << reader[0];
    EXPECT_EQ(ran.err,
              "calvo: b/summary.json:0:0: schema_version: 2 is not the one that this calvo reads "
              "(1); use the calvo that wrote it, or run the scenario again\n")
        << reader[0];
  }
  summary.erase("schema_version");
  here.write("b/summary.json", summary.dump());
  EXPECT_EQ(here.run({"compare", "a", "b"}).exit_code, 0) << "it is of the first version";
}

TEST(RunsThatLackAFile, AreRefusedByAllThatReadThem) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--out", "a", "--quiet", "--no-timeline"});
  for (const std::string name : {"summary.json", "requests.csv"}) {
    std::filesystem::remove_all(here / "b");
    std::filesystem::copy(here / "a", here / "b");
    std::filesystem::remove(here / ("b/" + name));
    for (const std::vector<std::string>& reader : {std::vector<std::string>{"compare", "a", "b"},
                                                   {"validate", "a", "b"},
                                                   {"report", "a", "b"}}) {
      const Ran ran = here.run(reader);
      EXPECT_EQ(ran.exit_code, 2) << reader[0];
      EXPECT_EQ(ran.err, "calvo: b:0:0: is no run directory: it has no " + name +
                             "; name one that `calvo run` wrote\n")
          << reader[0];
    }
  }
  std::filesystem::copy_file(here / "a/requests.csv", here / "b/requests.csv");
  std::filesystem::remove(here / "b/scenario.resolved.yaml");
  EXPECT_EQ(
      here.run({"report", "a", "b"}).err,
      "calvo: b/scenario.resolved.yaml:0:0: is missing; run again what should have written it\n");
}

TEST(Replay, GivesTheSameCommandsAgain) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--events", "--out", "a", "--quiet"});
  const Ran ran = here.run({"replay", "a"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("identical commands\n"));
}

TEST(Replay, RefusesARunOfAnotherVersion) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--events", "--out", "a", "--quiet"});
  std::string summary = here.read("a/summary.json");
  const std::string version = "\"schema_version\": 1";
  summary.replace(summary.find(version), version.size(), "\"schema_version\": 7");
  here.write("a/summary.json", summary);
  EXPECT_EQ(
      here.run({"replay", "a"}).err,
      "calvo: a/summary.json:0:0: schema_version: 7 is not the one that this calvo reads (1); "
      "use the calvo that wrote it, or run the scenario again\n");
}

TEST(Replay, SeesThatAnotherPolicyWouldHaveDecidedOtherwise) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.run({"run", "s.yaml", "--events", "--out", "a", "--quiet"});
  here.run({"run", "s.yaml", "--engine", "calvo_sjf", "--events", "--out", "b", "--quiet"});
  here.write("a/scenario.resolved.yaml", here.read("b/scenario.resolved.yaml"));
  const Ran ran = here.run({"replay", "a"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_THAT(ran.out, StartsWith("the commands differ, first in batch "));
}

}  // namespace
}  // namespace calvo::testing
