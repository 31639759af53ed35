#include "core/parse.hpp"

#include <limits>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

namespace calvo {
namespace {

template <class T>
std::string error_of(const std::string& text) {
  try {
    parse_as<T>(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Parse, KnowsEveryUnit) {
  EXPECT_EQ(parse_as<Bytes>("64 GiB"), Bytes{64LL << 30});
  EXPECT_EQ(parse_as<Bytes>("80 GB"), Bytes{80'000'000'000});
  EXPECT_EQ(parse_as<Bytes>("1.5KiB"), Bytes{1536});
  EXPECT_EQ(parse_as<BytesPerSecond>("400 Gbit/s"), BytesPerSecond{50e9});
  EXPECT_EQ(parse_as<BytesPerSecond>("800 Mbit/s"), BytesPerSecond{100e6});
  EXPECT_EQ(parse_as<BytesPerSecond>("25 GiB/s"), BytesPerSecond{25 * 0x1p30});
  EXPECT_EQ(parse_as<FlopsPerSecond>("989.4 Tflop/s"), FlopsPerSecond{989.4e12});
  EXPECT_EQ(parse_as<PerSecond>("90 /min"), PerSecond{1.5});
  EXPECT_EQ(parse_as<Tokens>("512 tok"), Tokens{512});
  EXPECT_EQ(parse_as<Share>("75 %"), Share{0.75});
  EXPECT_EQ(parse_as<Share>("0.75"), Share{0.75});
}

TEST(Parse, GivesTheDoubleNearestToWhatIsWritten) {
  EXPECT_EQ(parse_as<Seconds>("361 ms").count(), 0.361);
  EXPECT_EQ(parse_as<Seconds>("2.3 us").count(), 2.3e-6);
  EXPECT_EQ(parse_as<Seconds>("2 min").count(), 120);
}

TEST(Parse, RefusesWhatIsNoNumber) {
  EXPECT_EQ(error_of<Seconds>("fast"), "\"fast\" is not a number (expected a time like 2.5 ms)");
  EXPECT_EQ(error_of<double>("1 s"), "\"1 s\" has a unit (expected a plain number like 0.5)");
  EXPECT_EQ(error_of<double>("1e999"),
            "\"1e999\" is not a finite number (expected a plain number like 0.5)");
  EXPECT_EQ(error_of<std::int32_t>("1.5"), "\"1.5\" is not a whole number");
  EXPECT_EQ(error_of<std::int32_t>("3000000000"),
            "\"3000000000\" is out of range (expected a whole number of at most 2147483647)");
  EXPECT_EQ(error_of<std::uint64_t>("-1"), "\"-1\" is not a whole number of 0 or more");
  EXPECT_EQ(error_of<bool>("yes"), "\"yes\" is neither \"true\" nor \"false\"");
  EXPECT_EQ(error_of<Tokens>("-1"), "\"-1\" is negative (expected a number of tokens like 512)");
  EXPECT_EQ(error_of<Bytes>("8000000000 GB"), "\"8000000000 GB\" is too large");
}

TEST(Parse, RefusesTheUnitOfAnotherDimension) {
  EXPECT_EQ(error_of<Bytes>("10 GB/s"),
            "unknown unit \"GB/s\" in \"10 GB/s\" (one of: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)");
  EXPECT_EQ(error_of<Seconds>("10"), "missing unit in \"10\" (one of: ns, us, ms, s, min, h)");
}

TEST(Parse, RefusesATimeLongerThanTheLongestRun) {
  EXPECT_EQ(parse_as<Seconds>("8388608 s"), longest_run);
  for (const std::string text : {"8388608.1 s", "2331 h", "1e300 s"}) {
    try {
      parse_as<Seconds>(text);
      FAIL() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(),
                "\"" + text + "\" is longer than the longest run, 8388608 s (97 days)");
    }
  }
}

TEST(ToNanoseconds, StopsWhereDatesCouldNotBeAdded) {
  EXPECT_EQ(to_nanoseconds(Seconds{1.5e-9}), Nanoseconds{2});
  for (const double far : {1e300, HUGE_VAL}) {
    const Nanoseconds time = to_nanoseconds(Seconds{far});
    EXPECT_GT(Instant{time} + time, Instant{time});
    EXPECT_EQ(to_nanoseconds(Seconds{-far}), -time);
  }
}

TEST(Parse, WritesTheShortestText) {
  EXPECT_EQ(to_text(Bytes{64LL << 30}), "64 GiB");
  EXPECT_EQ(to_text(Bytes{80'000'000'000}), "80 GB");
  EXPECT_EQ(to_text(Bytes{0}), "0 B");
  EXPECT_EQ(to_text(BytesPerSecond{50e9}), "50 GB/s");
  EXPECT_EQ(to_text(Seconds{2.3e-6}), "2.3 us");
  EXPECT_EQ(to_text(Seconds{0.361}), "361 ms");
  EXPECT_EQ(to_text(Seconds{3600}), "1 h");
  EXPECT_EQ(to_text(Share{0.9}), "0.9");
}

// Property: what to_text writes, parse_as reads back exactly.
class ParseProperty : public testing::TestWithParam<unsigned> {};

TEST_P(ParseProperty, TextComesBackExactly) {
  std::mt19937_64 random(GetParam());
  for (int i = 0; i < 200; ++i) {
    const double x = std::ldexp(static_cast<double>(random() >> 11) * 0x1p-53,
                                static_cast<int>(random() % 80) - 30);
    const Seconds time{std::fmod(x, longest_run.count())};
    EXPECT_EQ(parse_as<Seconds>(to_text(time)), time);
    EXPECT_EQ(parse_as<BytesPerSecond>(to_text(BytesPerSecond{x})), BytesPerSecond{x});
    EXPECT_EQ(parse_as<FlopsPerSecond>(to_text(FlopsPerSecond{x})), FlopsPerSecond{x});
    EXPECT_EQ(parse_as<PerSecond>(to_text(PerSecond{x})), PerSecond{x});
    EXPECT_EQ(parse_as<double>(to_text(x)), x);
    const Bytes size{static_cast<std::int64_t>(random() >> (12 + random() % 50))};
    EXPECT_EQ(parse_as<Bytes>(to_text(size)), size);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ParseProperty, testing::Range(0u, 50u),
                         [](const auto& seed) { return "seed" + std::to_string(seed.param); });

}  // namespace
}  // namespace calvo
