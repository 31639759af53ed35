#include "analysis/timeline_json.hpp"

#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::read_file;
using testing::small_run;
using testing::TemporaryDirectory;

TEST(TimelineJson, NamesTracksAndSpreadsOverlapsOverLanes) {
  const TemporaryDirectory directory;
  write_timeline_json(directory / "t.json", small_run());
  const auto json = nlohmann::json::parse(read_file(directory / "t.json"));
  std::map<int, std::string> processes;
  std::map<int, std::string> threads;
  std::map<int, double> busy_until;
  int spans = 0;
  for (const auto& event : json.at("traceEvents")) {
    if (event.at("ph") == "M") {
      (event.at("name") == "process_name" ? processes[event.at("pid")] : threads[event.at("tid")]) =
          event.at("args").at("name");
      continue;
    }
    ++spans;
    const int thread = event.at("tid");
    EXPECT_GE(event.at("ts").get<double>(), busy_until[thread]) << "spans of a lane overlap";
    busy_until[thread] = event.at("ts").get<double>() + event.at("dur").get<double>();
  }
  EXPECT_EQ(spans, 4 + 3 * 7) << "four on resources, and a request has seven stages";
  EXPECT_EQ(processes,
            (std::map<int, std::string>{{1, "instance0"}, {2, "serving0"}, {3, "requests"}}));
  EXPECT_EQ(threads, (std::map<int, std::string>{{1, "instance0.gpu"},
                                                 {2, "instance0.gpu"},
                                                 {3, "serving0.nic0.rx"},
                                                 {4, "request 0 (session 0, turn 0)"},
                                                 {5, "request 1 (session 0, turn 1)"},
                                                 {6, "request 2 (session 1, turn 0)"}}));
}

TEST(TimelineJson, OfNothingIsStillValid) {
  const TemporaryDirectory directory;
  write_timeline_json(directory / "t.json", {});
  EXPECT_TRUE(nlohmann::json::parse(read_file(directory / "t.json")).at("traceEvents").empty());
}

}  // namespace
}  // namespace calvo::analysis
