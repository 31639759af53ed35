#include "models/kernel_tables.hpp"

#include <array>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

constexpr std::array keys = {"n", "k"};

class Written {
public:
  explicit Written(const std::string& text)
      : path_(::testing::TempDir() + "calvo_table_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".csv") {
    std::ofstream(path_) << text;
  }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

std::string error_of(const std::string& text) {
  const Written file(text);
  try {
    WideTable::load(file.path(), keys);
  } catch (const InputError& error) {
    const std::string what = error.what();
    return what.substr(what.rfind(".csv") + 4);
  }
  return "no error";
}

TEST(WideTable, ReadsMicrosecondsAndLeavesOutWhatWasNotMeasured) {
  const Written file("n,k,1,16\n32,64,2.5,\n32,128,3,4.5\n");
  const WideTable table = WideTable::load(file.path(), keys);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].key, (std::vector<std::int64_t>{32, 64}));
  EXPECT_EQ(table.rows[0].x, (std::vector<double>{1}));
  EXPECT_DOUBLE_EQ(table.rows[1].seconds[1], 4.5e-6);
}

TEST(WideTable, SaysWhereATableIsDamaged) {
  EXPECT_EQ(error_of("n,m,1\n"), ":1:3: expected the column \"k\"");
  EXPECT_EQ(error_of("n,k,1,1\n"), ":1:7: sizes must increase");
  EXPECT_EQ(error_of("n,k,1\n32,64,fast\n"), ":2:7: \"fast\" is not a time in microseconds");
  EXPECT_EQ(error_of("n,k,1\n32,64,-1\n"), ":2:7: \"-1\" is not a time in microseconds");
  EXPECT_EQ(error_of("n,k,1\n32,64,nan\n"), ":2:7: \"nan\" is not a time in microseconds");
  EXPECT_EQ(error_of("n,k,1,2\n32,64,1\n"), ":2:7: the line has fewer cells than the header");
  EXPECT_EQ(error_of("n,k,1\n32,64,1,2\n"), ":2:9: the line has more cells than the header");
  EXPECT_EQ(error_of("n,k,1\n32,64,\n"), ":2:7: the line has no time");
}

TEST(KernelTables, ShippedOnesAreThereForEveryGpuThatNamesSome) {
  int named = 0;
  for (const GpuSpec& gpu : testing::catalogue().gpus) {
    if (gpu.kernel_tables.empty()) continue;
    ++named;
    const KernelTables& tables = testing::tables_of(gpu.kernel_tables);
    EXPECT_GT(tables.gemm.rows.size(), 150U) << gpu.name;
    EXPECT_GT(tables.context.rows.size(), 200U) << gpu.name;
    EXPECT_GT(tables.generation.rows.size(), 200U) << gpu.name;
    EXPECT_EQ(tables.allreduce.rows.size(), 3U) << gpu.name;
  }
  EXPECT_EQ(named, 3);
}

}  // namespace
}  // namespace calvo::models
