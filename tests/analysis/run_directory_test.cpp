#include "analysis/run_directory.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "analysis/output_file.hpp"
#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::error_of;
using testing::labels;
using testing::read_file;
using testing::small_run;
using testing::TemporaryDirectory;
using testing::write_run;

TEST(RunDirectoryWriter, LeavesNothingBehindUnlessItCommits) {
  const TemporaryDirectory directory;
  {
    RunDirectoryWriter writer(directory / "deep/run", Taken::refuse);
    write_file(writer.file("a"), "text");
    EXPECT_FALSE(std::filesystem::exists(directory / "deep/run"));
  }
  EXPECT_TRUE(directory.is_empty());
}

TEST(RunDirectoryWriter, RefusesToReplaceARunUnlessItIsTold) {
  const TemporaryDirectory directory;
  write_run(directory / "run", small_run(), labels());
  EXPECT_EQ(error_of([&] { RunDirectoryWriter(directory / "run/", Taken::refuse); }),
            directory / "run" +
                ":0:0: --out: holds a run already; choose another name, or --force "
                "to replace it");
  RunResult other = small_run();
  other.requests.pop_back();
  write_run(directory / "run", other, labels(), Taken::replace);
  EXPECT_EQ(read_run_directory(directory / "run").requests.size(), 2U);
}

TEST(RunDirectoryWriter, NeverReplacesWhatIsNoRun) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "home");
  write_file(directory / "home/letter", "dear");
  for (const Taken taken : {Taken::refuse, Taken::replace}) {
    EXPECT_EQ(error_of([&] { RunDirectoryWriter(directory / "home", taken); }),
              directory / "home" +
                  ":0:0: --out: exists and is no run directory; choose another "
                  "name");
  }
  EXPECT_EQ(read_file(directory / "home/letter"), "dear");
}

TEST(RunDirectoryWriter, TakesTheNextFreeName) {
  const TemporaryDirectory directory;
  EXPECT_EQ(write_run(directory / "run", small_run(), labels(), Taken::next_free),
            directory / "run");
  EXPECT_EQ(write_run(directory / "run", small_run(), labels(), Taken::next_free),
            directory / "run-2");
  EXPECT_EQ(write_run(directory / "run", small_run(), labels(), Taken::next_free),
            directory / "run-3");
}

TEST(RunDirectoryWriter, IsRefusedWhileAnotherWritesThere) {
  const TemporaryDirectory directory;
  const std::string refusal =
      directory / "run" +
      ":0:0: --out: another calvo is writing a run there; wait for it, or choose another name";
  {
    RunDirectoryWriter first(directory / "run", Taken::refuse);
    for (const Taken taken : {Taken::refuse, Taken::replace}) {
      EXPECT_EQ(error_of([&] { RunDirectoryWriter(directory / "run/", taken); }), refusal);
    }
    write_file(first.file("a"), "text");
    EXPECT_EQ(first.commit(), directory / "run");
    EXPECT_EQ(read_file(directory / "run/a"), "text");
  }
  const TemporaryDirectory& other = directory;
  { const RunDirectoryWriter given_up(other / "two", Taken::refuse); }
  EXPECT_EQ(RunDirectoryWriter(other / "two", Taken::refuse).commit(), other / "two");
}

TEST(RunDirectoryWriter, TakesOverWhatAKilledOneLeft) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(partial_place(directory / "run"));
  write_file(partial_place(directory / "run") + "/old", "text");
  RunDirectoryWriter writer(directory / "run", Taken::refuse);
  write_file(writer.file("new"), "text");
  writer.commit();
  EXPECT_FALSE(std::filesystem::exists(directory / "run/old"));
  EXPECT_FALSE(std::filesystem::exists(partial_place(directory / "run")));
}

TEST(RunDirectoryWriter, DropsAFileThatCannotBeWrittenAndKeepsTheOthers) {
  const TemporaryDirectory directory;
  RunDirectoryWriter writer(directory / "run", Taken::refuse);
  const auto full = [](const std::string& path) {
    write_file(path, "half");
    throw InputError({path, 0, 0}, "", "cannot be written (No space left on device)");
  };
  EXPECT_TRUE(writer.add("a", [](const std::string& path) { write_file(path, "text"); }));
  EXPECT_FALSE(writer.add("b", full));
  EXPECT_FALSE(writer.add("c", full));
  EXPECT_EQ(writer.problem(),
            directory / "run/b" + ":0:0: cannot be written (No space left on device)");
  writer.commit();
  EXPECT_EQ(read_file(directory / "run/a"), "text");
  EXPECT_FALSE(std::filesystem::exists(directory / "run/b"));
}

TEST(RunDirectoryWriter, KeepsARunThatCannotBePutInPlaceAndSaysWhere) {
  const TemporaryDirectory directory;
  RunDirectoryWriter writer(directory / "run", Taken::refuse);
  write_file(writer.file("a"), "text");
  std::filesystem::create_directories(directory / "run");
  write_file(directory / "run/letter", "dear");
  EXPECT_EQ(error_of([&] { writer.commit(); }),
            directory / "run" +
                ":0:0: --out: cannot be put in place (Directory not empty); the run is whole in " +
                partial_place(directory / "run") + ", move it where you like");
  EXPECT_EQ(read_file(partial_place(directory / "run") + "/a"), "text");
  EXPECT_EQ(read_file(directory / "run/letter"), "dear");
}

TEST(ReadRunDirectory, RefusesARunOfAnotherVersionAndTakesOneWithoutAsTheFirst) {
  const TemporaryDirectory directory;
  write_run(directory / "run", small_run(), labels());
  const std::string file = directory / "run/summary.json";
  auto json = nlohmann::ordered_json::parse(read_file(file));
  EXPECT_EQ(json["schema_version"], summary_schema);
  const Summary summary = read_run_directory(directory / "run").summary;
  json.erase("schema_version");
  write_file(file, json.dump(2));
  EXPECT_EQ(to_json(read_run_directory(directory / "run").summary).dump(), to_json(summary).dump());
  json["schema_version"] = 2;
  write_file(file, json.dump(2));
  EXPECT_EQ(error_of([&] { read_run_directory(directory / "run"); }),
            file +
                ":0:0: schema_version: 2 is not the one that this calvo reads (1); use the calvo "
                "that wrote it, or run the scenario again");
}

TEST(ReadRunDirectory, HoldsTheRequestsAgainstTheSummary) {
  const TemporaryDirectory directory;
  write_run(directory / "run", small_run(), labels());
  const std::string file = directory / "run/requests.csv";
  const std::string text = read_file(file);
  const std::string begin = file + ":0:0: holds ";
  const std::string middle = " requests, and " + (directory / "run/summary.json") + " counts 3: ";
  write_file(file, text.substr(0, text.rfind('\n', text.size() - 2) + 1));
  EXPECT_EQ(
      error_of([&] { read_run_directory(directory / "run"); }),
      begin + "2" + middle + "it is cut; copy the directory again, or run the scenario again");
  write_file(file, text + text.substr(text.find('\n') + 1));
  EXPECT_EQ(error_of([&] { read_run_directory(directory / "run"); }),
            begin + "6" + middle + "they are of two runs; run the scenario again");
}

TEST(ReadRunDirectory, SaysWhatIsWrongWithWhatItWasGiven) {
  const TemporaryDirectory directory;
  EXPECT_EQ(error_of([&] { read_run_directory(directory / "none"); }),
            directory / "none" + ":0:0: no such directory; name one that `calvo run` wrote");
  write_file(directory / "file", "");
  EXPECT_EQ(error_of([&] { read_run_directory(directory / "file"); }),
            directory / "file" + ":0:0: is a file; name the run directory itself");
  std::filesystem::create_directories(directory / "empty");
  EXPECT_EQ(error_of([&] { read_run_directory(directory / "empty"); }),
            directory / "empty" +
                ":0:0: is no run directory: it has no summary.json; name one "
                "that `calvo run` wrote");
}

}  // namespace
}  // namespace calvo::analysis
