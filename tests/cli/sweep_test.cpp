// `calvo sweep`: what it leaves, and that it is the same however it is run.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "analysis/requests_csv.hpp"
#include "analysis/sweep_table.hpp"
#include "tests/cli/sweep_folder.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace calvo::testing
