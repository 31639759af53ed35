#include "realrun/wire/token_bucket.hpp"

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::milliseconds;
using Time = TokenBucket::Time;

constexpr BytesPerSecond one_megabyte{1e6};  // 1,000 bytes take a millisecond

TEST(TokenBucket, TakesBytesOverRateFromWhenTheyAreReady) {
  TokenBucket bucket(one_megabyte, milliseconds{10});
  const Time start = Time{} + milliseconds{1000};
  EXPECT_EQ(bucket.take(5000, start, start), start + milliseconds{5});
  EXPECT_EQ(bucket.take(0, start, start), start + milliseconds{5});
}

TEST(TokenBucket, ServesABacklogAtTheRateHoweverLateTheCallerWakes) {
  TokenBucket bucket(one_megabyte, milliseconds{10});
  const Time start = Time{} + milliseconds{1000};
  EXPECT_EQ(bucket.take(1000, start, start), start + milliseconds{1});
  // Woken 3 ms late: the second piece still ends at 2 ms.
  EXPECT_EQ(bucket.take(1000, start, start + milliseconds{4}), start + milliseconds{2});
}

TEST(TokenBucket, GivesNoCreditForTimeInWhichNothingWasReady) {
  TokenBucket bucket(one_megabyte, milliseconds{10});
  const Time start = Time{} + milliseconds{1000};
  bucket.take(1000, start, start);
  const Time later = start + milliseconds{500};
  EXPECT_EQ(bucket.take(1000, later, later), later + milliseconds{1});
}

TEST(TokenBucket, LosesWhatItIsBehindBeyondTheBurst) {
  TokenBucket bucket(one_megabyte, milliseconds{10});
  const Time start = Time{} + milliseconds{1000};
  // Ready for 100 ms, and nobody served it: only 10 ms may be caught up.
  EXPECT_EQ(bucket.take(20'000, start, start + milliseconds{100}), start + milliseconds{110});
}

// Property: whatever the pieces and delays, no window of time carries more than rate * time +
// burst.
class TokenBucketProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(TokenBucketProperty, NeverExceedsTheRateByMoreThanTheBurst) {
  Random random(GetParam());
  const milliseconds burst{static_cast<std::int64_t>(random.below(20))};
  TokenBucket bucket(one_megabyte, burst);
  const Time start = Time{} + milliseconds{1000};
  Time now = start;
  std::int64_t sent = 0;
  for (int i = 0; i < 200; ++i) {
    const auto bytes = static_cast<std::int64_t>(random.below(5000));
    const Time ready = now - milliseconds{static_cast<std::int64_t>(random.below(30))};
    const Time through = bucket.take(bytes, std::max(ready, start), now);
    sent += bytes;
    const double budget =
        1e6 * std::chrono::duration<double>(std::max(through, now) - start + burst).count();
    ASSERT_LE(static_cast<double>(sent), budget + 200) << "piece " << i;
    now = std::max(now, through) + milliseconds{static_cast<std::int64_t>(random.below(5))};
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, TokenBucketProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::realrun
