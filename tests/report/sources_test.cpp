#include "report/sources.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/fixture.hpp"

namespace calvo::report {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string error_of_reading(const std::string& directory) {
  return error_of([&] { read_sources(std::vector{directory}); });
}

TEST(Sources, TakesTheRunDirectoriesThatADirectoryHolds) {
  const Folder folder;
  make_run(folder / "out/b", {.engine = "b"});
  make_run(folder / "out/a", {.engine = "a"});
  const Sources sources = read_sources(std::vector{folder / "out"});
  ASSERT_THAT(sources.runs, SizeIs(2));
  EXPECT_EQ(sources.runs[0].run.summary.labels.engine, "a");
}

TEST(Sources, RefusesWhatIsNoResult) {
  const Folder folder;
  EXPECT_THAT(error_of_reading(folder / "none"), HasSubstr("none:0:0: no such directory; name"));
  fs::create_directories(folder / "empty");
  EXPECT_THAT(error_of_reading(folder / "empty"),
              HasSubstr("is neither a run directory nor a sweep directory"));
  analysis::write_file(folder / "file", "x");
  EXPECT_THAT(error_of_reading(folder / "file"), HasSubstr("is a file; name the directory"));
  make_run(folder / "run");
  EXPECT_THAT(error_of([&] {
                read_sources(std::vector{folder / "run", folder / "run/."});
              }),
              HasSubstr("is named twice"));
}

TEST(Sources, RefusesTheCopyOfASimulatedRunAndTakesTheRepeatOfARealOne) {
  const Folder folder;
  for (const char* name : {"a", "b"}) {
    make_run(folder / name);
    make_run(folder / name + "-real", {.driver = "realrun"});
  }
  EXPECT_EQ(error_of([&] {
              read_sources(std::vector{folder / "a", folder / "a-real", folder / "b"});
            }),
            folder / "b" + ":0:0: is a copy or a repeat of " + folder / "a" +
                ": a simulated run of the same scenario, engine and seed, and no further sample; "
                "leave one out");
  EXPECT_THAT(read_sources(std::vector{folder / "a-real", folder / "b-real"}).runs, SizeIs(2));
}

TEST(Sources, NamesTheFileThatIsMissingOrDamaged) {
  for (const char* name :
       {"summary.json", "requests.csv", "scenario.resolved.yaml", "environment.json"}) {
    const Folder folder;
    make_run(folder / "run");
    fs::remove(folder / "run" + "/" + name);
    EXPECT_THAT(error_of_reading(folder / "run"), HasSubstr(name));
    make_run(folder / "run");
    analysis::write_file(folder / "run" + "/" + name, "\x01{");
    EXPECT_THAT(error_of_reading(folder / "run"), HasSubstr(name));
  }
  const Folder folder;
  make_run(folder / "run");
  analysis::write_file(folder / "run/timeline.json", "{\"traceEvents\":[{\"ph\":\"X\"");
  EXPECT_THAT(error_of_reading(folder / "run"), HasSubstr("timeline.json:0:0: is no timeline"));
  fs::remove(folder / "run/timeline.json");
  EXPECT_EQ(error_of_reading(folder / "run"), "no error");
  analysis::write_file(folder / "run/occupancy.csv", "from_s,to_s,a\n0,1,x\n");
  EXPECT_THAT(error_of_reading(folder / "run"),
              HasSubstr("occupancy.csv:2:5: \"x\" is not a number; run the scenario again"));
}

TEST(Sources, SaysThatASweepIsNotFinished) {
  const Folder folder;
  fs::create_directories(folder / "sweep/points");
  analysis::write_file(folder / "sweep/state.json", "{}");
  EXPECT_THAT(error_of_reading(folder / "sweep"),
              HasSubstr("is a sweep that is not finished: it has no tables; go on with calvo sweep "
                        "--resume"));
}

TEST(Sources, RefusesASweepOfAnotherFormat) {
  const Folder folder;
  fs::create_directories(folder / "sweep");
  analysis::write_file(folder / "sweep/sweep.json", "{\"format\": 2}");
  EXPECT_THAT(error_of_reading(folder / "sweep"),
              HasSubstr("sweep.json:0:0: format: 2 is not 1, which this program reads"));
  analysis::write_file(folder / "sweep/sweep.json", "{\"format\": 1}");
  EXPECT_THAT(error_of_reading(folder / "sweep"), HasSubstr("is no summary of a sweep"));
}

TEST(Sources, RefusesTheCopyOfASweep) {
  const Folder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    analysis::write_file(folder / name + "/sweep.json", R"({"format": 1, "cells": []})");
  }
  EXPECT_EQ(error_of([&] {
              read_sources(std::vector{folder / "a", folder / "b"});
            }),
            folder / "b" + ":0:0: is a copy of " + folder / "a" + "; leave one out");
}

TEST(Sources, GivesPointsOfASweepTheSettingsOfTheirCells) {
  const Folder folder;
  make_run(folder / "sweep/points/abc-1");
  fs::remove(folder / "sweep/points/abc-1/scenario.resolved.yaml");
  fs::remove(folder / "sweep/points/abc-1/environment.json");
  analysis::write_file(folder / "sweep/sweep.json",
                       R"({"format": 1, "cells": [{"cell": "abc", "seeds": [1],
                           "settings": {"workload.rate": "2 /s"}}]})");
  const Sources sources = read_sources(std::vector{folder / "sweep"});
  ASSERT_THAT(sources.runs, SizeIs(1));
  EXPECT_EQ(sources.runs[0].settings.at("workload.rate"), "2 /s");
  fs::remove_all(folder / "sweep/points/abc-1");
  EXPECT_THAT(error_of_reading(folder / "sweep"), HasSubstr("abc-1:0:0: is missing"));
}

TEST(Sources, CountAPointOfTwoSweepsOnce) {
  const Folder folder;
  for (const std::string name : {"a", "b"}) {
    make_run(folder / (name + "/points/abc-1"));
    analysis::write_file(folder / (name + "/sweep.json"),
                         R"({"format": 1, "name": ")" + name + R"(", "cells": [{"cell": "abc",
                             "seeds": [1], "settings": {}}]})");
  }
  const Sources sources = read_sources(std::vector{folder / "a", folder / "b"});
  EXPECT_THAT(sources.runs, SizeIs(1));
  EXPECT_THAT(sources.notes,
              ElementsAre("In another directory too, and counted once: 1 of the runs "
                          "of the sweep in " +
                          folder / "b" + "."));
}

TEST(CoveredShares, AreTheShareOfEachBinThatIsCovered) {
  const std::vector<Span> spans = merged({{4, 5}, {0, 1.5}, {1, 2.5}});
  EXPECT_THAT(spans, ElementsAre(Span{0, 2.5}, Span{4, 5}));
  EXPECT_THAT(covered_shares(spans, 0, 6, 3), ElementsAre(1.0, 0.25, 0.5));
  EXPECT_THAT(covered_shares(spans, 2, 4, 1), ElementsAre(0.25));
}

}  // namespace
}  // namespace calvo::report
