#include "realrun/wire/bytes.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;

TEST(Bytes, NumbersAreLittleEndian) {
  Bytestring bytes;
  ByteWriter(bytes).number(std::uint32_t{0x01020304});
  EXPECT_THAT(bytes, ElementsAre(std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1}));
}

template <class Number>
void expect_round_trip(Number value) {
  Bytestring bytes;
  ByteWriter(bytes).number(value);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.number<Number>(), value);
  EXPECT_TRUE(reader.complete());
}

TEST(Bytes, ExtremeNumbersComeBack) {
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(std::numeric_limits<std::int64_t>::max());
  expect_round_trip(std::numeric_limits<std::uint64_t>::max());
  expect_round_trip(std::numeric_limits<std::int32_t>::min());
  expect_round_trip(std::uint16_t{65535});
  expect_round_trip(std::int8_t{-1});
}

TEST(Bytes, AReadBeyondTheEndGivesZerosAndFailsForGood) {
  Bytestring bytes;
  ByteWriter(bytes).number(std::uint32_t{7});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.number<std::uint64_t>(), 0U);
  EXPECT_EQ(reader.number<std::uint32_t>(), 0U);
  EXPECT_FALSE(reader.complete());
}

TEST(Bytes, WhatIsLeftOverIsNotComplete) {
  Bytestring bytes(3);
  ByteReader reader(bytes);
  reader.number<std::uint16_t>();
  EXPECT_FALSE(reader.complete());
  EXPECT_EQ(reader.left(), 1U);
}

TEST(Bytes, ATextThatClaimsMoreThanThereIsFails) {
  Bytestring bytes;
  ByteWriter writer(bytes);
  writer.number(std::uint16_t{5});
  for (const char c : {'a', 'b'}) writer.number(c);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.complete());
}

TEST(Bytes, PrintableLeavesNothingThatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f\xc3\xa4~ "), "a?[2Jb????~ ");
}

}  // namespace
}  // namespace calvo::realrun
