#include "realrun/engine/read_depth.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

/// A node behind a link, read from in runs with nothing between them.
class Reader {
public:
  explicit Reader(std::int64_t most) : depth_(most) {}

  /// The link carries a read in `read`, and answers come `round_trip` later. It is kept as full as
  /// the depth allows for `reads` of them, then all come back. Returns the depth at the end of the
  /// former.
  std::int64_t over(Nanoseconds read, Nanoseconds round_trip, int reads) {
    std::vector<Instant> ends;  // of those outstanding, in order
    Instant link_free = now_;
    const auto land = [&] {
      now_ = ends.front();
      ends.erase(ends.begin());
      depth_.completed(now_, 1, 1);
    };
    for (int done = 0; done < reads; ++done) {
      while (static_cast<std::int64_t>(ends.size()) < depth_.depth()) {
        link_free = std::max(link_free, now_) + read;
        ends.push_back(link_free + round_trip);
        depth_.posted(now_, 1);
      }
      land();
    }
    const std::int64_t reached = depth_.depth();
    while (!ends.empty()) land();
    return reached;
  }

private:
  ReadDepth depth_;
  Instant now_{};
};

/// From the first read on.
std::int64_t depth_over(std::int64_t most, Nanoseconds read, Nanoseconds round_trip, int reads) {
  return Reader(most).over(read, round_trip, reads);
}

TEST(ReadDepth, StaysAtTwoReadsWhereOneTakesLongerThanItLooksAhead) {
  EXPECT_EQ(depth_over(32, Nanoseconds{4'200'000}, Nanoseconds{100'000}, 1000), 2);
}

TEST(ReadDepth, HoldsWhatALinkCarriesInTheTimeItLooksAhead) {
  const std::int64_t reached = depth_over(1000, Nanoseconds{100'000}, Nanoseconds{100'000}, 1000);
  EXPECT_GE(reached, 20);  // 2 ms + 0.2 ms, a read each 100 us
  EXPECT_LE(reached, 24);
}

TEST(ReadDepth, GrowsToItsLimitWhereOnlyTheDepthHoldsThePaceBack) {
  EXPECT_EQ(depth_over(32, Nanoseconds{1'000}, Nanoseconds{20'000}, 1000), 32);
}

TEST(ReadDepth, GrowsToItsLimitOverARoundTripThatIsLongerThanItLooksAhead) {
  EXPECT_EQ(depth_over(512, Nanoseconds{2'000}, Nanoseconds{5'000'000}, 20'000), 512);
}

TEST(ReadDepth, AddsALongRoundTripToTheTimeItLooksAhead) {
  const std::int64_t reached =
      depth_over(1000, Nanoseconds{100'000}, Nanoseconds{5'000'000}, 20'000);
  EXPECT_GE(reached, 68);  // 2 ms + 5.1 ms, a read each 100 us
  EXPECT_LE(reached, 74);
}

TEST(ReadDepth, LearnsThatARoundTripHasBecomeLonger) {
  Reader reader(512);
  reader.over(Nanoseconds{2'000}, Nanoseconds{20'000}, 1'000);
  std::int64_t reached = 0;
  for (int run = 0; run < 50; ++run) {
    reached = reader.over(Nanoseconds{2'000}, Nanoseconds{5'000'000}, 2'000);
  }
  EXPECT_EQ(reached, 512);
}

TEST(ReadDepth, ForgetsAPaceThatIsNoLonger) {
  Reader reader(32);
  EXPECT_EQ(reader.over(Nanoseconds{1'000}, Nanoseconds{20'000}, 1000), 32);
  EXPECT_EQ(reader.over(Nanoseconds{4'200'000}, Nanoseconds{100'000}, 100), 2);
}

TEST(ReadDepth, CountsNoTimeWithoutReads) {
  ReadDepth depth(1000);
  Instant now{};
  for (int round = 0; round < 100; ++round) {
    depth.posted(now, 1);
    now += Nanoseconds{50'000};
    depth.completed(now, 1, 1);
    now += Nanoseconds{100'000'000};  // nothing to read
  }
  EXPECT_EQ(depth.depth(), 41);  // 2 ms and the 50 us of one
}

TEST(ReadDepth, TakesNoFailureForPace) {
  ReadDepth depth(1000);
  Instant now{};
  for (int round = 0; round < 1000; ++round) {
    depth.posted(now, 1);
    now += Nanoseconds{1'000};
    depth.completed(now, 1, 0);
  }
  EXPECT_EQ(depth.depth(), ReadDepth::least);
}

}  // namespace
}  // namespace calvo::realrun
