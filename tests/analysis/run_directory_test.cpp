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
  EXPECT_TRUE(std::filesystem::is_empty(directory / "deep"));
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
