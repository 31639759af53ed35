// `calvo whatif`: it finds what was planted, and says so in every form.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

std::string planted(const std::string& name) {
  return std::string(CALVO_SOURCE_DIR) + "/scenarios/planted/" + name + ".yaml";
}

TEST(WhatIf, RanksThePlantedBottleneckOfEachScenarioFirst) {
  const struct {
    const char* scenario;
    const char* first;
  } cases[] = {{"storage_nic", "storage NIC +25 %"}, {"serving_nic", "serving NIC +25 %"},
               {"pcie_switch", "PCIe switch +25 %"}, {"gpu_compute", "GPU compute +25 %"},
               {"gpu_memory", "GPU memory +25 %"},   {"token_budget", "token budget +25 %"}};
  const Workplace here;
  for (const auto& each : cases) {
    const Ran ran =
        here.run({"whatif", planted(each.scenario), "--set", "workload.synthetic.count=150",
                  "--only", "resources", "--seeds", "2", "--json", "--quiet"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const auto json = nlohmann::json::parse(ran.out);
    const auto& first = json["changes"][0];
    EXPECT_EQ(first["change"], each.first);
    EXPECT_EQ(first["rank"], 1);
    EXPECT_GT(first["slo_attainment"]["more"]["mean"], 0.05) << each.scenario;
    EXPECT_GT(first["slo_attainment"]["more"]["mean"],
              json["changes"][1]["slo_attainment"]["more"]["mean"])
        << each.scenario;
    EXPECT_THAT(json["failed"], IsEmpty());
  }
}

TEST(WhatIf, SaysTheSameOfARunDirectoryAndOfItsScenario) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  ASSERT_EQ(here.run({"run", "s.yaml", "--out", "r", "--quiet"}).exit_code, 0);
  const std::vector<std::string> rest = {"--only", "resources", "--seeds", "2", "--top", "3"};
  const auto of = [&](const std::string& what, const std::string& jobs) {
    std::vector<std::string> arguments = {"whatif", what, "--jobs", jobs};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return here.run(arguments);
  };
  const Ran scenario = of("s.yaml", "1");
  ASSERT_EQ(scenario.exit_code, 0) << scenario.err;
  EXPECT_THAT(scenario.out, StartsWith("small under calvo, 2 seeds: attainment "));
  EXPECT_THAT(scenario.out, HasSubstr("\n--top 0 shows the changes that are worth less.\n"));
  EXPECT_EQ(of("r", "2").out, scenario.out);
  EXPECT_THAT(scenario.err, IsEmpty());
}

TEST(WhatIf, PrintsEveryChangeAsCsv) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const Ran ran =
      here.run({"whatif", "s.yaml", "--only", "resources", "--seeds", "2", "--format", "csv"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("rank,change,kind,detail,slo_attainment,slo_attainment_more,"
                                  "slo_attainment_more_low,slo_attainment_more_high,"
                                  "slo_attainment_adjusted_p,mean_ttft_ms,mean_ttft_ms_more,"
                                  "mean_ttft_ms_more_low,mean_ttft_ms_more_high,"
                                  "mean_ttft_ms_adjusted_p\n1,"));
  EXPECT_THAT(ran.out, HasSubstr("storage NIC +25 %,resource,bandwidth 12.1 GB/s -> 15.125 GB/s,"));
}

TEST(WhatIf, RefusesWhatItCannotDo) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  fs::create_directory(here / "empty");
  const auto error = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "whatif");
    const Ran ran = here.run(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.out, IsEmpty());
    return ran.err;
  };
  EXPECT_EQ(error({"s.yaml", "--more", "25"}),
            "calvo: calvo whatif:0:0: --more: \"25\" is no percentage from 1% to 900%; write one "
            "like 25%\n");
  EXPECT_EQ(error({"s.yaml", "--only", "resource"}),
            "calvo: calvo whatif:0:0: --only: unknown kind \"resource\" (did you mean "
            "\"resources\"?)\n");
  EXPECT_EQ(error({"s.yaml", "--format", "txt"}),
            "calvo: calvo whatif:0:0: --format: unknown format \"txt\" (did you mean "
            "\"text\"?)\n");
  EXPECT_EQ(error({"s.yaml", "--resume"}), "calvo: --resume requires --out; see calvo --help\n");
  EXPECT_EQ(error({"empty"}),
            "calvo: calvo whatif:0:0: empty: is no run directory: it has no "
            "scenario.resolved.yaml; name one, or a scenario file\n");
  EXPECT_EQ(error({"s.yaml", "--set", "slo.ttft=none"}),
            "calvo: s.yaml:0:0: slo: asks for nothing, and calvo whatif is about attainment; set "
            "an objective like slo: {ttft: {fixed: 1 s}}\n");
}

/// TMPDIR is another folder while this lives.
class TemporaryFolderIs {
public:
  explicit TemporaryFolderIs(const fs::path& folder) {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    fs::create_directory(folder);
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryFolderIs() { before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"); }
  TemporaryFolderIs(const TemporaryFolderIs&) = delete;
  TemporaryFolderIs& operator=(const TemporaryFolderIs&) = delete;

private:
  std::optional<std::string> before_;
};

TEST(WhatIf, EndsAtCtrlCAndLeavesNothing) {
  const Workplace here;
  here.write("s.yaml", endless_scenario());
  const TemporaryFolderIs folder(here / "t");
  const Ran ran = here.run_and_signal({"whatif", "s.yaml", "--jobs", "1"}, SIGINT,
                                      [&] { return !fs::is_empty(here / "t"); });
  EXPECT_EQ(ran.exit_code, 130);
  EXPECT_THAT(ran.err, MatchesRegex("calvo: interrupted; 0 of [0-9]+ simulations were done and are "
                                    "lost; with --out DIR they would be kept\n"));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_TRUE(fs::is_empty(here / "t"));
}

/// Names of the points that a directory holds, whole, and when they were written.
std::map<std::string, fs::file_time_type> points_in(const fs::path& directory) {
  std::map<std::string, fs::file_time_type> points;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory / "points", none)) {
    const fs::path summary = entry.path() / "summary.json";
    if (fs::exists(summary) && entry.path().string().find(".partial-") == std::string::npos) {
      points[entry.path().filename().string()] = fs::last_write_time(summary);
    }
  }
  return points;
}

/// Whether nobody holds it: no process of a search is left.
bool is_free(const fs::path& directory) {
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  const bool free = ::flock(folder, LOCK_EX | LOCK_NB) == 0;
  ::close(folder);
  return free;
}

TEST(WhatIf, GoesOnWithWhatAnInterruptedOneLeftInItsDirectory) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  const auto search = [](const std::string& seeds, const std::vector<std::string>& more) {
    std::vector<std::string> all = {"whatif",  "s.yaml", "--only",  "resources",
                                    "--seeds", seeds,    "--quiet", "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  // So many seeds that it does not end by itself.
  const Ran first = here.run_and_signal(search("1000", {"--out", "d", "--jobs", "1"}), SIGINT,
                                        [&] { return points_in(here / "d").size() >= 2; });
  EXPECT_EQ(first.exit_code, 130) << first.err;
  EXPECT_THAT(first.err, MatchesRegex("calvo: interrupted; [0-9]+ of [0-9]+ simulations were done "
                                      "and are kept in d; go on with the same command and "
                                      "--resume\n"));
  EXPECT_TRUE(is_free(here / "d"));
  const auto kept = points_in(here / "d");

  EXPECT_EQ(here.run(search("2", {"--out", "d"})).err,
            "calvo: d:0:0: --out: holds a sweep already (" + std::to_string(kept.size()) +
                " points); --resume to go on with it, --force to begin anew, or choose another "
                "name\n");
  const Ran second = here.run(search("2", {"--out", "d", "--resume"}));
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.out, here.run(search("2", {})).out);
  const auto all = points_in(here / "d");
  EXPECT_GT(all.size(), kept.size());
  for (const auto& [name, date] : kept) EXPECT_EQ(all.at(name), date) << name;

  here.write("s.yaml", small_scenario() + "description: another\n");
  EXPECT_THAT(here.run(search("2", {"--out", "d", "--resume"})).err,
              StartsWith("calvo: d/state.json:0:0: --resume: s.yaml or its scenario is not what "
                         "this directory was begun with"));
}

TEST(WhatIf, SuggestsCommandsThatSimulateWhatItSimulated) {
  const Workplace here;
  const Ran ran =
      here.run({"whatif", planted("storage_nic"), "--only", "resources", "--seeds", "2", "--set",
                "workload.synthetic.count=40", "--out", "d", "--quiet", "--top", "1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const std::size_t begin = ran.out.find("\nTo try the best:\n  calvo run ");
  ASSERT_NE(begin, std::string::npos) << ran.out;
  std::string command = ran.out.substr(ran.out.find("  calvo run ", begin) + 7);
  command = command.substr(0, command.find('\n'));
  const std::string whole = "cd '" + (here / "").string() + "' && " + CALVO_PROGRAM + " " +
                            command + " --quiet --out pasted > /dev/null";
  ASSERT_EQ(std::system(whole.c_str()), 0) << whole;
  const auto result = [&](const std::string& directory) {
    auto json = nlohmann::json::parse(here.read(directory + "/summary.json"));
    json.erase("engine");  // how it is called tells how it was written
    return json;
  };
  std::vector<nlohmann::json> simulated;
  for (const auto& [name, date] : points_in(here / "d")) {
    simulated.push_back(result("d/points/" + name));
  }
  EXPECT_THAT(simulated, Contains(result("pasted")));
}

}  // namespace
}  // namespace calvo::testing
