#include "realrun/wire/block_format.hpp"

#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

constexpr BlockFormat format{96};
constexpr std::uint64_t config = 0x1234;
constexpr BlockId name{42};

std::vector<std::byte> sealed() {
  std::vector<std::byte> slot(static_cast<std::size_t>(format.used()));
  fill_synthetic(1, name, std::span(slot).first(96));
  seal_block(format, slot, name, 9, config);
  return slot;
}

float value_of(std::span<const std::byte> payload, std::size_t index) {
  const auto bits = (std::to_integer<std::uint32_t>(payload[2 * index]) << 16U) |
                    (std::to_integer<std::uint32_t>(payload[2 * index + 1]) << 24U);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(BlockFormat, SlotsAreWholeLinesApart) {
  EXPECT_EQ((BlockFormat{96}.used()), 160);
  EXPECT_EQ((BlockFormat{96}.stride()), 192);
  EXPECT_EQ((BlockFormat{128}.stride()), 192);
  EXPECT_EQ((BlockFormat{0}.stride()), 64);
}

TEST(BlockFormat, ASealedBlockIsRecognised) {
  const std::vector<std::byte> slot = sealed();
  EXPECT_EQ(check_block(format, slot, name, config), BlockCheck::ok);
  EXPECT_EQ(check_block(format, slot, BlockId{43}, config), BlockCheck::other_block);
  EXPECT_EQ(check_block(format, slot, name, config + 1), BlockCheck::damaged);
  const std::vector<std::byte> empty(slot.size());
  EXPECT_EQ(check_block(format, empty, name, config), BlockCheck::damaged);
}

TEST(BlockFormat, EveryBitFlipButThoseOfTheGenerationIsSeen) {
  std::vector<std::byte> slot = sealed();
  for (std::size_t bit = 0; bit < slot.size() * 8; ++bit) {
    slot[bit / 8] ^= std::byte{1} << (bit % 8);
    const bool of_generation = bit / 8 >= 96 + 16 && bit / 8 < 96 + 24;
    EXPECT_EQ(check_block(format, slot, name, config) == BlockCheck::ok, of_generation) << bit;
    const bool of_payload = bit / 8 < 96;
    const bool of_checksum = bit / 8 >= 96 + 24 && bit / 8 < 96 + 32;
    EXPECT_EQ(check_block(format, slot, name, config, false) == BlockCheck::ok,
              of_generation || of_payload || of_checksum)
        << bit;
    slot[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(BlockFormat, TheTrailerIsLittleEndianOnEveryMachine) {
  const std::vector<std::byte> slot = sealed();
  EXPECT_EQ(std::memcmp(slot.data() + 96, "CLVOBLK1", 8), 0);
  EXPECT_EQ(slot[96 + 8], std::byte{42});
  EXPECT_EQ(slot[96 + 16], std::byte{9});
  EXPECT_EQ(slot[96 + 32], std::byte{0x34});
  EXPECT_EQ(slot[96 + 33], std::byte{0x12});
}

TEST(FillSynthetic, ValuesAreFiniteNormalWithinOneAndOfBothSigns) {
  std::vector<std::byte> payload(1 << 16);
  fill_synthetic(3, BlockId{5}, payload);
  int negative = 0;
  double sum = 0;
  const std::size_t values = payload.size() / 2;
  std::set<float> distinct;
  for (std::size_t i = 0; i < values; ++i) {
    const float value = value_of(payload, i);
    ASSERT_TRUE(std::isnormal(value)) << i;
    ASSERT_LT(std::fabs(value), 1) << i;
    negative += value < 0 ? 1 : 0;
    sum += static_cast<double>(value);
    distinct.insert(value);
  }
  EXPECT_EQ(distinct.size(), 2048U);  // sign, 8 exponents, 128 mantissas
  // 32,768 fair coins: 6 standard deviations are 543.
  EXPECT_NEAR(negative, static_cast<double>(values) / 2, 543);
  EXPECT_NEAR(sum / static_cast<double>(values), 0, 0.02);
}

TEST(FillSynthetic, IsAFunctionOfSeedAndBlockAndNothingElse) {
  const auto make = [](std::uint64_t seed, std::uint64_t block, std::size_t size) {
    std::vector<std::byte> payload(size);
    fill_synthetic(seed, BlockId{block}, payload);
    return payload;
  };
  const std::vector<std::byte> whole = make(1, 2, 1000);
  EXPECT_EQ(whole, make(1, 2, 1000));
  EXPECT_NE(whole, make(2, 2, 1000));
  EXPECT_NE(whole, make(1, 3, 1000));
  for (const std::size_t size : {0U, 2U, 6U, 8U, 10U, 510U}) {
    EXPECT_EQ(make(1, 2, size),
              std::vector(whole.begin(), whole.begin() + static_cast<long>(size)));
  }
}

TEST(FillSynthetic, GivesTheBytesThatItAlwaysGave) {
  std::vector<std::byte> payload(8);
  fill_synthetic(1, BlockId{0}, payload);
  std::uint64_t word = 0;
  for (std::size_t i = 8; i-- > 0;)
    word = (word << 8U) | std::to_integer<std::uint64_t>(payload[i]);
  EXPECT_EQ(word, 0xbd0a3e743d0dbe43U);  // computed apart, in Python
}

}  // namespace
}  // namespace calvo::realrun
