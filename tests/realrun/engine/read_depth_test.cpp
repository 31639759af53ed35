#include "realrun/engine/read_depth.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

/// A link that carries a read in `read` and whose answers come `round_trip` later, kept as full as
/// `depth` allows; returns the depth after `reads` of them.
std::int64_t depth_over(ReadDepth& depth, Nanoseconds read, Nanoseconds round_trip, int reads) {
  std::vector<Instant> ends;  // of those outstanding, in order
  Instant now{};
  Instant link_free{};
  for (int done = 0; done < reads; ++done) {
    while (static_cast<std::int64_t>(ends.size()) < depth.depth()) {
      link_free = std::max(link_free, now) + read;
      ends.push_back(link_free + round_trip);
      depth.posted(now, 1);
    }
    now = ends.front();
    ends.erase(ends.begin());
    depth.completed(now, 1, 1);
  }
  return depth.depth();
}

TEST(ReadDepth, StaysAtTwoReadsWhereOneTakesLongerThanItLooksAhead) {
  ReadDepth depth(32);
  EXPECT_EQ(depth_over(depth, Nanoseconds{4'200'000}, Nanoseconds{100'000}, 1000), 2);
}

TEST(ReadDepth, HoldsWhatALinkCarriesInTheTimeItLooksAhead) {
  ReadDepth depth(1000);
  const std::int64_t reached = depth_over(depth, Nanoseconds{100'000}, Nanoseconds{100'000}, 1000);
  EXPECT_GE(reached, 18);
  EXPECT_LE(reached, 22);
}

TEST(ReadDepth, GrowsToItsLimitWhereOnlyTheDepthHoldsThePaceBack) {
  ReadDepth depth(32);
  EXPECT_EQ(depth_over(depth, Nanoseconds{1'000}, Nanoseconds{20'000}, 1000), 32);
}

TEST(ReadDepth, ForgetsAPaceThatIsNoLonger) {
  ReadDepth depth(32);
  depth_over(depth, Nanoseconds{1'000}, Nanoseconds{20'000}, 1000);
  ReadDepth slow = depth;
  EXPECT_EQ(depth_over(slow, Nanoseconds{4'200'000}, Nanoseconds{100'000}, 100), 2);
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
  EXPECT_EQ(depth.depth(), 40);
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
