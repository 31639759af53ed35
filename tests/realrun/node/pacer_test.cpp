#include "realrun/node/pacer.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Time = Pacer::Time;

constexpr BytesPerSecond one_gigabyte{1e9};  // 1,000 bytes a microsecond
constexpr std::int64_t burst = 256'000;      // 256 us
const Time start = Time{} + milliseconds{1000};

TEST(Pacer, APieceOnAnIdleLinkTakesItsFullTime) {
  Pacer pacer(one_gigabyte, burst);
  EXPECT_EQ(pacer.through(100'000, start), start + microseconds{100});
  const Time later = start + milliseconds{50};
  EXPECT_EQ(pacer.through(100'000, later), later + microseconds{100});
}

TEST(Pacer, WakingLateCostsNoBandwidth) {
  Pacer pacer(one_gigabyte, burst);
  Time now = start;
  for (int piece = 1; piece <= 1000; ++piece) {
    const Time through = pacer.through(100'000, now);
    EXPECT_EQ(through, start + piece * microseconds{100});
    now = through + microseconds{80};  // the sleep was too long, and sending took a while
  }
}

TEST(Pacer, HalfTheSpeedTakesTwiceTheTime) {
  Pacer pacer(one_gigabyte, burst);
  EXPECT_EQ(pacer.through(100'000, start, 0.5), start + microseconds{200});
}

TEST(Pacer, SeveralSendersShareTheLink) {
  Pacer pacer(one_gigabyte, burst);
  EXPECT_EQ(pacer.through(100'000, start), start + microseconds{100});
  EXPECT_EQ(pacer.through(100'000, start), start + microseconds{200});
  EXPECT_EQ(pacer.through(50'000, start), start + microseconds{250});
}

// In virtual time: a sender that always has something to send, and sleeps too long at random, gets
// 99 % of the rate at least, and no window carries more than rate * time + burst + one piece.
class PacerProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(PacerProperty, ABackloggedSenderGetsTheRateAndNoWindowMore) {
  Random random(GetParam());
  Pacer pacer(one_gigabyte, burst);
  struct Sent {
    Time at;
    std::int64_t before = 0;  ///< bytes sent before this piece
  };
  std::vector<Sent> sent;
  std::int64_t total = 0;
  Time now = start;
  constexpr std::int64_t largest = 64'000;
  for (int i = 0; i < 2000; ++i) {
    const auto bytes = static_cast<std::int64_t>(1 + random.below(largest));
    const Time through = pacer.through(bytes, now);
    if (through > now) {  // it sleeps, and is woken late
      now = through + microseconds{static_cast<std::int64_t>(random.below(190))};
    }
    sent.push_back({now, total});
    total += bytes;
  }
  const double seconds = std::chrono::duration<double>(now - start).count();
  EXPECT_GE(static_cast<double>(total), 0.99 * 1e9 * seconds);
  for (std::size_t from = 0; from < sent.size(); from += 7) {
    for (std::size_t to = from; to < sent.size(); to += 11) {
      const double window = std::chrono::duration<double>(sent[to].at - sent[from].at).count();
      const auto carried = static_cast<double>(sent[to].before - sent[from].before);
      ASSERT_LE(carried, 1e9 * window + burst + largest) << from << " to " << to;
    }
  }
}

TEST_P(PacerProperty, OnAndOffSendersStayWithinTheRate) {
  Random random(GetParam());
  Pacer pacer(one_gigabyte, burst);
  std::int64_t total = 0;
  Time now = start;
  for (int i = 0; i < 2000; ++i) {
    const auto bytes = static_cast<std::int64_t>(1 + random.below(64'000));
    now = std::max(pacer.through(bytes, now), now);
    total += bytes;
    const double seconds = std::chrono::duration<double>(now - start).count();
    ASSERT_LE(static_cast<double>(total), 1e9 * seconds + burst + 1000) << i;
    now += microseconds{static_cast<std::int64_t>(random.below(random.below(2) == 0 ? 10 : 2000))};
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, PacerProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::realrun
