#include "realrun/engine/silence.hpp"

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

constexpr Nanoseconds limit{100};

Instant at(std::int64_t ns) {
  return Instant{Nanoseconds{ns}};
}

TEST(Silence, LastsFromWhenSomethingIsWaitedFor) {
  Silence silence;
  EXPECT_EQ(silence.ends(limit), never);
  silence.waits(true, at(1000));
  EXPECT_EQ(silence.ends(limit), at(1100));
  silence.waits(true, at(1050));
  EXPECT_EQ(silence.ends(limit), at(1100));
}

TEST(Silence, EndsWithWhateverIsHeard) {
  Silence silence;
  silence.waits(true, at(1000));
  silence.heard(at(1090));
  silence.waits(true, at(1150));  // for more than the limit now
  EXPECT_EQ(silence.ends(limit), at(1190));
}

TEST(Silence, BeginsAnewAfterATimeInWhichNothingWasWaitedFor) {
  Silence silence;
  silence.waits(true, at(1000));
  silence.waits(false, at(1010));
  EXPECT_EQ(silence.ends(limit), never);
  silence.waits(true, at(5000));
  EXPECT_EQ(silence.ends(limit), at(5100));
}

TEST(Silence, DoesNotCountTimeInWhichNobodyListened) {
  Silence silence;
  silence.waits(true, at(1000));
  silence.excuse(Nanoseconds{70}, at(1080));
  EXPECT_EQ(silence.ends(limit), at(1170));
  silence.excuse(Nanoseconds{500}, at(1100));  // it began before the silence
  EXPECT_EQ(silence.ends(limit), at(1200));
}

}  // namespace
}  // namespace calvo::realrun
