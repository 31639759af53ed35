// `calvo sweep`: what it leaves, that it is the same however it is run, and that nothing is lost
// when it is killed.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/requests_csv.hpp"
#include "analysis/sweep_table.hpp"
#include "core/random.hpp"
#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

/// Two engines, two rates, three seeds of a tenth of a second each.
constexpr const char* small_sweep = R"(scenario: s.yaml
engines: [vllm_sync, calvo]
seeds: 3
axes: {workload.synthetic.arrival.rate: [1 /s, 4 /s]}
)";

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

/// Points that have landed: not those that are being written.
std::set<std::string> landed_in(const fs::path& folder) {
  std::set<std::string> names = names_in(folder);
  std::erase_if(
      names, [](const std::string& name) { return name.find(".partial-") != std::string::npos; });
  return names;
}

std::string slurp(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Every file of a sweep but environment.json, with its content.
std::map<std::string, std::string> content_of(const fs::path& sweep) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(sweep)) {
    if (!entry.is_regular_file() || entry.path().filename() == "environment.json") continue;
    content[entry.path().lexically_relative(sweep).string()] = slurp(entry.path());
  }
  return content;
}

void write_small(const Workplace& here, const std::string& more = "") {
  here.write("s.yaml", small_scenario());
  here.write("w.yaml", small_sweep + more);
}

TEST(Sweep, LeavesATableARowAPointAndItsRates) {
  const Workplace here;
  write_small(here, "keep: [requests]\n");
  const Ran ran = here.run({"sweep", "w.yaml"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("largest rate (/s) with attainment >= 90 %"));
  EXPECT_THAT(ran.out, HasSubstr("sweep directory: sweeps/w\n"));
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(names_in(here / "sweeps/w"), ElementsAre("environment.json", "points", "state.json",
                                                       "sweep.csv", "sweep.json", "sweep.yaml"));
  const auto table = analysis::read_sweep_table((here / "sweeps/w/sweep.csv").string());
  ASSERT_EQ(table.rows.size(), 12);
  EXPECT_THAT(table.axes, ElementsAre("workload.synthetic.arrival.rate"));
  EXPECT_EQ(table.rows[5].engine, "vllm_sync");
  EXPECT_EQ(table.rows[5].seed, 3);
  EXPECT_EQ(table.rows[5].rate, 4.0);
  EXPECT_EQ(analysis::to_csv(table), here.read("sweeps/w/sweep.csv"));
  const auto index = nlohmann::json::parse(here.read("sweeps/w/sweep.json"));
  EXPECT_EQ(index["cells"].size(), 4);
  EXPECT_EQ(index["goodput"].size(), 2);
  EXPECT_EQ(index["points"]["done"], 12);
  EXPECT_EQ(index["complete"], true);

  // A point is what calvo run comes to.
  const Ran alone = here.run({"run", "s.yaml", "--engine", "vllm_sync", "--seed", "3", "--set",
                              "workload.synthetic.arrival.rate=4 /s", "--out", "r", "--quiet"});
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  for (const char* file : {"/summary.json", "/requests.csv"}) {
    EXPECT_EQ(here.read("sweeps/w/points/" + table.rows[5].point + file),
              here.read(std::string("r") + file));
  }
}

TEST(Sweep, ScalesTheSameArrivalsAndKeepsTheRequests) {
  const Workplace here;
  write_small(here, "keep: [requests]\n");
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--quiet"}).exit_code, 0);
  const auto table = analysis::read_sweep_table((here / "sweeps/w/sweep.csv").string());
  const auto rows = [&](std::size_t row) {
    return analysis::read_requests_csv(
        (here / ("sweeps/w/points/" + table.rows[row].point + "/requests.csv")).string());
  };
  const auto slow = rows(0);
  const auto quick = rows(3);
  ASSERT_EQ(slow.size(), quick.size());
  for (std::size_t i = 0; i < slow.size(); ++i) {
    EXPECT_NEAR(slow[i].arrival_s, 4 * quick[i].arrival_s, 1e-6);
    EXPECT_EQ(slow[i].input_tokens, quick[i].input_tokens);
  }
}

TEST(Sweep, GivesTheSameBytesWithOneJobAndWithThree) {
  const Workplace here;
  write_small(here, "keep: [requests, scenario, timeline]\n");
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--jobs", "1", "--out", "a", "--quiet"}).exit_code, 0);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--jobs", "3", "--out", "b", "--quiet"}).exit_code, 0);
  EXPECT_EQ(content_of(here / "a"), content_of(here / "b"));
}

TEST(Sweep, SearchesTheRateAndStopsWithTheSameBytesWhateverTheJobs) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.write("w.yaml",
             "scenario: s.yaml\nengines: [vllm_sync, calvo]\nseeds: 3\n"
             "goodput: {from: 0.5 /s, to: 40 /s, tolerance: 20 %}\n");
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--jobs", "1", "--out", "a", "--quiet"}).exit_code, 0);
  const Ran ran = here.run({"sweep", "w.yaml", "--jobs", "3", "--out", "b"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(content_of(here / "a"), content_of(here / "b"));
  const auto index = nlohmann::json::parse(here.read("b/sweep.json"));
  for (const auto& rate : index["goodput"]) {
    EXPECT_EQ(rate["outcome"], "found") << rate;
    EXPECT_EQ(rate["source"], "search");
    EXPECT_GT(rate["rate"], 0.5);
    EXPECT_LT(rate["rate"], 40);
  }
}

TEST(Sweep, TellsARateThatIsNeverOrAlwaysGoodAndLosesNothing) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.write("w.yaml",
             "scenario: s.yaml\nseeds: 2\npoints: [{slo.ttft: {fixed: 1 ms}}, {slo.ttft: {fixed: 1 "
             "h}}]\ngoodput: {from: 1 /s, to: 4 /s}\n");
  const Ran ran = here.run({"sweep", "w.yaml"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("below 1: met at no rate tried"));
  EXPECT_THAT(ran.out, HasSubstr("at least 4: met at every rate tried"));
}

TEST(Sweep, GoesOnWhereAPointFailsAndSaysSo) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  // Longer than any run may be: known only when it is simulated.
  here.write("w.yaml",
             "scenario: s.yaml\nseeds: 2\n"
             "axes: {hardware.storage_nic: [{bandwidth: 1 B/s}, {bandwidth: 40 GB/s}]}\n");
  const Ran ran = here.run({"sweep", "w.yaml"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("calvo, storage_nic {bandwidth: 1 B/s}    failed\n"));
  EXPECT_THAT(ran.err, HasSubstr("2 of 4 points failed; what they said is in sweeps/w/failed\n"));
  EXPECT_EQ(names_in(here / "sweeps/w/failed").size(), 2);
  EXPECT_EQ(names_in(here / "sweeps/w/points").size(), 2);
  const auto index = nlohmann::json::parse(here.read("sweeps/w/sweep.json"));
  EXPECT_EQ(index["points"]["failed"], 2);
  EXPECT_THAT(index["failed"][0]["error"].get<std::string>(),
              HasSubstr("requests have ended after the longest run, 8388608 s (97 days)"));
  EXPECT_THAT(slurp(here / "sweeps/w/failed" / *names_in(here / "sweeps/w/failed").begin()),
              StartsWith("calvo, storage_nic {bandwidth: 1 B/s}, seed 1\n"));
}

TEST(Sweep, ChecksEveryCellBeforeItSimulatesOne) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.write("w.yaml", "scenario: s.yaml\nseeds: 2\naxes: {model.max_context: [131072, 200]}\n");
  for (const char* option : {"--quiet", "--plan"}) {
    const Ran ran = here.run({"sweep", "w.yaml", option});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.err, HasSubstr("workload: every request is longer than the context of "));
    EXPECT_THAT(ran.err, HasSubstr(" (in the cell \"calvo, max_context 200\")\n"));
    EXPECT_FALSE(fs::exists(here / "sweeps"));
  }
}

TEST(Sweep, SaysThatNoGoodputIsReadOffAnAxisThatIsNoRate) {
  const Workplace here;
  here.write("s.yaml", small_scenario());
  here.write("w.yaml",
             "scenario: s.yaml\nseeds: 1\ngoodput: {attainment: 80 %}\n"
             "axes: {block_tokens: [128, 256]}\n");
  EXPECT_THAT(here.run({"sweep", "w.yaml"}).out,
              HasSubstr("\nno goodput: it is read off two or more values of a rate, "
                        "workload.synthetic.arrival.rate or workload.trace.open.rate_scale, and no "
                        "axis has them\n"));
}

TEST(Sweep, SaysAtOnceThatAnotherIsAtWorkThere) {
  const Workplace here;
  write_small(here);
  fs::create_directories(here / "a");
  const int lock = ::open((here / "a").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const std::string waiting =
      "calvo: a: waiting for another calvo sweep in it, ten seconds at most\n";
  const Ran ran = here.run_and_signal({"sweep", "w.yaml", "--out", "a"}, SIGKILL, [&] {
    return fs::exists(here / ".stderr") && slurp(here / ".stderr") == waiting;
  });
  ::close(lock);
  EXPECT_THAT(ran.err, StartsWith(waiting));
}

TEST(Sweep, RefusesWhatWouldMixOrOverwrite) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "a"}).err,
            "calvo: a:0:0: --out: holds a sweep already (12 points); --resume to go on with it, "
            "--force to begin anew, or choose another name\n");
  here.write("w.yaml", std::string(small_sweep) + "set: {block_tokens: 128}\n");
  const Ran changed = here.run({"sweep", "w.yaml", "--out", "a", "--resume"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_EQ(changed.err,
            "calvo: a/state.json:0:0: --resume: w.yaml or its scenario is not what this directory "
            "was begun with (the sweep file of then is a/sweep.yaml); restore it, choose another "
            "--out, or --force to begin anew\n");
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--force", "--quiet"}).exit_code, 0);
  EXPECT_EQ(names_in(here / "a/points").size(), 12) << "those of before are gone";
  here.write("notes.txt", "");
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "notes.txt"}).err,
            "calvo: notes.txt:0:0: --out: exists and is no sweep directory; choose another name\n");
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "/dev/null/x"}).exit_code, 2);
}

TEST(Sweep, BeginsAnewWhereOneWasKilledWhileItBegan) {
  const Workplace here;
  write_small(here);
  here.write("a/state.json.partial", "{");
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).err, "");
  EXPECT_EQ(names_in(here / "a/points").size(), 12);
}

TEST(Sweep, LeavesNoTablesOfTheSweepThatItReplaces) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  here.write("w.yaml", std::string(small_sweep) + "set: {workload.synthetic.count: 100000}\n");
  here.run_and_signal({"sweep", "w.yaml", "--out", "a", "--force"}, SIGKILL, [&] {
    return here.read("a/sweep.yaml").find("100000") != std::string::npos;
  });
  EXPECT_EQ(here.run({"compare", "a"}).exit_code, 2);
}

TEST(Sweep, SaysThatItWasInterruptedBeforeItSimulates) {
  const Workplace here;
  ASSERT_EQ(::mkfifo((here / "w.yaml").c_str(), 0600), 0);
  int writer = -1;
  const Ran ran = here.run_and_signal({"sweep", "w.yaml"}, SIGINT, [&] {
    writer = ::open((here / "w.yaml").c_str(), O_WRONLY | O_NONBLOCK);
    return writer >= 0;
  });
  ::close(writer);
  EXPECT_EQ(ran.exit_code, 130);
  EXPECT_EQ(ran.err, "calvo: interrupted\n");
}

TEST(Sweep, StopsWhereNothingCanBeWrittenAndKeepsWhatIsThere) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  const auto points = names_in(here / "a/points");
  const std::string table = here.read("a/sweep.csv");
  fs::remove_all(here / "a/points" / *points.rbegin());
  // A file in the place of the point: what a full disk does to it, as root can write everywhere.
  std::ofstream(here / "a/points" / *points.rbegin()) << "in the way";
  const Ran ran = here.run({"sweep", "w.yaml", "--out", "a", "--resume"});
  EXPECT_EQ(ran.exit_code, 2) << ran.out;
  EXPECT_THAT(ran.err, HasSubstr("calvo sweep w.yaml --out a --resume"));
  EXPECT_EQ(here.read("a/sweep.csv"), table);
  fs::remove(here / "a/points" / *points.rbegin());
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--resume", "--quiet"}).exit_code, 0);
  EXPECT_EQ(here.read("a/sweep.csv"), table);
}

TEST(Sweep, SimulatesAgainWhatWasDamaged) {
  const Workplace here;
  write_small(here);
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--quiet"}).exit_code, 0);
  const auto before = content_of(here / "a");
  const std::string point = *names_in(here / "a/points").begin();
  here.write("a/points/" + point + "/summary.json", "{");
  const Ran ran = here.run({"sweep", "w.yaml", "--out", "a", "--resume", "--quiet"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.err, StartsWith("calvo: points/" + point + " is simulated again: "));
  EXPECT_EQ(content_of(here / "a"), before);
}

TEST(Sweep, InterruptedLeavesValidTablesAndSaysHowToGoOn) {
  const Workplace here;
  here.write("s.yaml", endless_scenario());
  here.write("w.yaml",
             "scenario: s.yaml\nseeds: 2\n"
             "axes: {workload.synthetic.count: [60, 2000000]}\n");
  const Ran ran = here.run_and_signal({"sweep", "w.yaml", "--jobs", "1", "--out", "a"}, SIGINT,
                                      [&] { return landed_in(here / "a/points").size() >= 2; });
  EXPECT_EQ(ran.exit_code, 130);
  // The second point is there a moment before it is counted.
  EXPECT_THAT(ran.err, MatchesRegex("calvo: interrupted; [12] of 4 points are done; go on with\n"
                                    "  calvo sweep w.yaml --out a --resume\n"));
  const auto index = nlohmann::json::parse(here.read("a/sweep.json"));
  EXPECT_EQ(index["complete"], false);
  EXPECT_THAT(ran.err, HasSubstr(index["points"]["done"].dump() + " of 4"));
  EXPECT_EQ(names_in(here / "a/points").size(), 2) << "nothing half done";
}

class SweepKilled : public ::testing::TestWithParam<std::uint64_t> {};

/// SIGKILL after a random number of points, again and again: what has landed is never lost.
TEST_P(SweepKilled, LosesAtMostThePointsInFlight) {
  const Workplace here;
  write_small(here, "keep: [requests]\n");
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "whole", "--quiet"}).exit_code, 0);
  Random random(GetParam());
  std::set<std::string> landed;
  const auto whole_points = [&] { return landed_in(here / "a/points"); };
  while (landed.size() < 9) {
    const std::size_t until = landed.size() + random.below(4);
    std::vector<std::string> words = {"sweep", "w.yaml", "--out", "a", "--jobs", "2", "--quiet"};
    if (fs::exists(here / "a/state.json")) words.emplace_back("--resume");
    here.run_and_signal(words, SIGKILL, [&] { return whole_points().size() > until; });
    const std::set<std::string> now = whole_points();
    EXPECT_TRUE(std::ranges::includes(now, landed)) << "a point that had landed is gone";
    landed = now;
  }
  const Ran last = here.run({"sweep", "w.yaml", "--out", "a", "--resume", "--quiet"});
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(content_of(here / "a"), content_of(here / "whole"));
}

INSTANTIATE_TEST_SUITE_P(Seed, SweepKilled, ::testing::Range<std::uint64_t>(0, 3));

TEST(Sweep, OnFourRanksGivesTheSameBytes) {
  if (std::system("command -v mpirun >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "there is no mpirun on this machine";
  }
  const Workplace here;
  write_small(here, "keep: [requests]\n");
  ASSERT_EQ(here.run({"sweep", "w.yaml", "--out", "one", "--jobs", "1", "--quiet"}).exit_code, 0);
  const std::string command =
      "cd " + (here / ".").string() +
      " && env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 300 mpirun "
      "--oversubscribe -n 4 " CALVO_PROGRAM " sweep w.yaml --out four --quiet >mpi.out 2>&1";
  const int status = std::system(command.c_str());
  if (here.read("mpi.out").find("was built without MPI") != std::string::npos) {
    GTEST_SKIP() << "calvo was built without MPI";
  }
  ASSERT_EQ(status, 0) << here.read("mpi.out");
  EXPECT_EQ(content_of(here / "one"), content_of(here / "four"));
}

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
