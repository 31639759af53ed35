// Tests that hold for every device: each program that compiles them says which one it has.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/realrun/devices/small_device.hpp"

namespace calvo::realrun::testing {

struct DeviceUnderTest {
  std::string name;
  models::ModelShape shape;  ///< three layers
  /// How far logits may be from those of another way to compute them: ||a - b|| / ||b||. 0: the
  /// same bits.
  double tolerance = 0;
};

/// Defined by the program.
const DeviceUnderTest& device_under_test();

inline DeviceOptions options_under_test(std::int32_t block_tokens, std::int64_t pages) {
  DeviceOptions options;
  options.shape = device_under_test().shape;
  options.block_tokens = block_tokens;
  options.pages = pages;
  options.host_bytes = pages * page_bytes(options);
  return options;
}

inline std::unique_ptr<Device> make(const DeviceOptions& options) {
  return device(device_under_test().name).make(options);
}

inline std::int32_t vocab() {
  return device_under_test().shape.vocab;
}

/// ||a - b|| / ||b||
inline double relative_distance(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double distance = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    difference += distance * distance;
    size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return std::sqrt(difference / size);
}

inline void expect_same_logits(std::span<const float> a, std::span<const float> b) {
  ASSERT_EQ(a.size(), b.size());
  if (device_under_test().tolerance == 0) {
    EXPECT_TRUE(std::ranges::equal(a, b));
  } else {
    EXPECT_LT(relative_distance(a, b), device_under_test().tolerance);
  }
}

/// Farther apart than rounding brings them on any device.
inline void expect_other_logits(std::span<const float> a, std::span<const float> b) {
  EXPECT_GT(relative_distance(a, b), 0.1);
  EXPECT_LT(2 * device_under_test().tolerance, 0.1);
}

}  // namespace calvo::realrun::testing
