#include "analysis/output_file.hpp"

#include <gtest/gtest.h>

#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

std::string seconds(std::int64_t ns) {
  fmt::memory_buffer out;
  append_seconds(out, Nanoseconds{ns});
  return fmt::to_string(out);
}

TEST(AppendSeconds, KeepsEachNanosecond) {
  EXPECT_EQ(seconds(0), "0.000000000");
  EXPECT_EQ(seconds(1), "0.000000001");
  EXPECT_EQ(seconds(1'500'000'000), "1.500000000");
  EXPECT_EQ(seconds(-2'000'000'003), "-2.000000003");
  EXPECT_EQ(seconds(9'007'199'254'740'993), "9007199.254740993") << "more than a double holds";
}

}  // namespace
}  // namespace calvo::analysis
