#include "realrun/devices/copy_path.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

template <class Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CopyPath, NamesAreReadAsTheyAreWritten) {
  for (const CopyPath path : copy_paths) EXPECT_EQ(parse_copy_path(name_of(path), "x"), path);
  EXPECT_EQ(refusal_of([] { parse_copy_path("stagd", "--copy-path"); }),
            "--copy-path:0:0: unknown copy path \"stagd\" (direct, batch, staged, kernel) (did you "
            "mean \"staged\"?)");
}

TEST(CopyTable, WithoutTimesGoesByTheRule) {
  const CopyTable table;
  EXPECT_EQ(table.choose({1 << 20, 100, 1}), CopyPath::direct);
  EXPECT_EQ(table.choose({4096, 1, 1}), CopyPath::direct);
  EXPECT_EQ(table.choose({(1 << 20) - 1, 8, 2}), CopyPath::staged);
  EXPECT_EQ(table.choose({4096, 8, 3}), CopyPath::batch);
  EXPECT_EQ(table.choose({4096, 8, 8}), CopyPath::batch);
  EXPECT_THROW(table.choose({0, 1, 1}), ContractViolation);
}

TEST(CopyTable, TakesTheFastestOfTheNearestPoint) {
  const CopyTable table({{CopyPath::direct, 4096, 1, Seconds{5e-6}},
                         {CopyPath::kernel, 4096, 1, Seconds{4e-6}},
                         {CopyPath::batch, 4096, 256, Seconds{40e-6}},
                         {CopyPath::staged, 4096, 256, Seconds{30e-6}},
                         {CopyPath::direct, 1 << 20, 16, Seconds{300e-6}},
                         {CopyPath::staged, 1 << 20, 16, Seconds{320e-6}}});
  EXPECT_EQ(table.choose({4096, 1, 1}), CopyPath::kernel);
  EXPECT_EQ(table.choose({6000, 2, 1}), CopyPath::kernel);
  EXPECT_EQ(table.choose({4096, 200, 10}), CopyPath::staged);
  EXPECT_EQ(table.choose({4096, 200, 150}), CopyPath::batch);  // no neighbours to stage
  EXPECT_EQ(table.choose({1 << 22, 8, 1}), CopyPath::direct);
}

TEST(CopyTable, OfStagedTimesOnlyFallsBackToTheRuleWhereThereAreNoNeighbours) {
  const CopyTable table({{CopyPath::staged, 4096, 16, Seconds{1e-5}}});
  EXPECT_EQ(table.choose({4096, 16, 16}), CopyPath::batch);
  EXPECT_EQ(table.choose({4096, 16, 4}), CopyPath::staged);
}

TEST(CopyTables, AreWrittenAndReadBack) {
  const CopyTables tables{CopyTable({{CopyPath::batch, 32768, 256, Seconds{1.5e-4}},
                                     {CopyPath::staged, 32768, 256, Seconds{1.25e-4}}}),
                          CopyTable({{CopyPath::kernel, 4096, 1, Seconds{3e-6}}})};
  const std::string csv = copy_tables_csv(tables);
  EXPECT_EQ(csv,
            "direction,path,size,count,seconds\n"
            "in,batch,32768,256,0.00015\n"
            "in,staged,32768,256,0.000125\n"
            "out,kernel,4096,1,3e-06\n");
  const std::string file = (std::filesystem::temp_directory_path() /
                            ("calvo_copy_table_" + std::to_string(getpid()) + ".csv"))
                               .string();
  std::ofstream(file) << csv;
  EXPECT_EQ(copy_tables_csv(read_copy_tables(file)), csv);
  std::filesystem::remove(file);
  EXPECT_EQ(refusal_of([&] { read_copy_tables(file); }), file + ":0:0: cannot be read");
}

TEST(CopyTables, SayWhichLineIsWrong) {
  const auto refusal = [](const std::string& csv) {
    return refusal_of([&] { parse_copy_tables(csv, "t.csv"); });
  };
  const std::string head = "direction,path,size,count,seconds\n";
  EXPECT_EQ(refusal(head + "in,batch,1,2\n"),
            "t.csv:2:1: \"in,batch,1,2\" is not direction,path,size,count,seconds; calvo calibrate "
            "--device cuda writes such files");
  EXPECT_EQ(refusal(head + "in,batch,1,2,0.5\nup,batch,1,2,0.5\n"),
            "t.csv:3:1: direction \"up\" is neither in nor out");
  EXPECT_EQ(refusal("in,batch,1,0,0.5"), "t.csv:1:1: count \"0\" is not a number above 0");
  EXPECT_EQ(refusal("in,batch,1x,1,0.5"), "t.csv:1:1: size \"1x\" is not a number above 0");
  EXPECT_EQ(refusal("in,batch,1,1,nan"), "t.csv:1:1: seconds \"nan\" is not a number above 0");
  EXPECT_EQ(refusal(head), "t.csv:1:1: has no times in it");
}

}  // namespace
}  // namespace calvo::realrun
