// `calvo sweep` that is killed, interrupted or finds no room: nothing is lost.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/random.hpp"
#include "tests/cli/sweep_folder.hpp"

namespace calvo::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

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
  EXPECT_EQ(ran.err, "calvo: a/points/" + *points.rbegin() +
                         ":0:0: --out: exists and is no run directory\n"
                         "11 points are safe; when there is room again, go on with\n"
                         "  calvo sweep w.yaml --out a --resume\n");
  EXPECT_EQ(here.read("a/sweep.csv"), table);
  fs::remove(here / "a/points" / *points.rbegin());
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--out", "a", "--resume", "--quiet"}).exit_code, 0);
  EXPECT_EQ(here.read("a/sweep.csv"), table);
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

TEST(SweepWithoutFiles, SaysWhichLimitItMet) {
  const Workplace here;
  write_small(here);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{7, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const Ran ran = here.run({"sweep", "w.yaml", "--jobs", "2", "--quiet"});
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "calvo: memfd_create: Too many open files; the system gives no more: raise its limits "
            "(ulimit -a), or do less at a time (--jobs)\n");
}

}  // namespace
}  // namespace calvo::testing
