#include "traces/think_times.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"

namespace calvo::traces {
namespace {

TEST(ThinkTimes, DrawToolTimesWhereATraceKnowsNone) {
  std::string text =
      R"({"session_id": 1, "timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [0]})"
      "\n";
  for (int i = 0; i < 4000; ++i) {
    text +=
        R"({"session_id": 1, "gap": "tool", "input_length": 1, "output_length": 1, "hash_ids": [0]})"
        "\n";
  }
  const TestFolder folder;
  const Trace trace = read_trace(folder.write("t.jsonl", text));
  const ThinkTimes times(trace, 1);
  std::vector<double> drawn;
  for (std::uint32_t i = 1; i <= 4000; ++i) drawn.push_back(times.traced_ms(i));
  const auto above = [&](double ms) {
    return static_cast<double>(std::ranges::count_if(drawn, [&](double d) { return d > ms; })) /
           4000;
  };
  EXPECT_NEAR(above(130), 0.35 + 0.25 + 0.05, 0.03);
  EXPECT_NEAR(above(5000), 0.125 + 0.05, 0.03);
  EXPECT_NEAR(above(60'000), 0.05 + 0.0016, 0.015);
  EXPECT_EQ(times.traced_ms(7), ThinkTimes(trace, 1).traced_ms(7));
  EXPECT_NE(times.traced_ms(7), ThinkTimes(trace, 2).traced_ms(7));
}

}  // namespace
}  // namespace calvo::traces
