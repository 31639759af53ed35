#include "realrun/engine/breakage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Instant at(double seconds) {
  return Instant{to_nanoseconds(Seconds{seconds})};
}

TEST(Breakage, IsNothingInASoundRun) {
  EXPECT_THAT(breakage({}), IsEmpty());
}

TEST(Breakage, NamesEachNodeThatWasLostAndWhetherItCameBack) {
  LoadReport load;
  load.lost_nodes = {{0, "127.0.0.1:7100", 1, at(5.1), {}},
                     {1, "127.0.0.1:7101", 1, at(5.1), at(7.24)},
                     {2, "10.0.0.2:7000", 3, at(0.2), {}},
                     {3, "10.0.0.3:7000", 2, at(0.2), at(9)}};
  load.reconnects = 3;
  EXPECT_THAT(
      breakage(load),
      ElementsAre(
          "storage node 0 (127.0.0.1:7100) was lost at 5.1 s and did not come back",
          "storage node 1 (127.0.0.1:7101) was lost at 5.1 s and came back at 7.2 s",
          "storage node 2 (10.0.0.2:7000) was lost 3 times, first at 0.2 s and did not come back",
          "storage node 3 (10.0.0.3:7000) was lost 2 times, first at 0.2 s and came back for the "
          "last time at 9.0 s"));
}

TEST(Breakage, CountsCorruptBlocksAndConnectionsThatWereMended) {
  LoadReport load;
  load.corrupt_blocks = 37;
  load.reconnects = 2;
  EXPECT_THAT(breakage(load),
              ElementsAre("37 corrupt blocks came from the storage nodes and were not used",
                          "2 connections to storage nodes broke and were made anew"));
  load.corrupt_blocks = load.reconnects = 1;
  EXPECT_THAT(breakage(load),
              ElementsAre("1 corrupt block came from the storage nodes and was not used",
                          "1 connection to storage nodes broke and was made anew"));
}

}  // namespace
}  // namespace calvo::realrun
