#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analysis/explain_fixture.hpp"

namespace calvo::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LimitingLinks, ATransferAloneIsLimitedByItsNarrowestLink) {
  HandMade made(1e9, 4e9);
  made.fetch(1, 0, 10);
  EXPECT_THAT(limiting_links(made.evidence),
              ElementsAre(ElementsAre(LimitSpan{at(0), at(10), {0}, 1, {}})));
}

TEST(LimitingLinks, LinksThatLimitAlikeStandTogether) {
  HandMade made(2e9, 2e9);
  made.fetch(1, 0, 10);
  EXPECT_THAT(limiting_links(made.evidence),
              ElementsAre(ElementsAre(LimitSpan{at(0), at(10), {0, 1}, 1, {}})));
}

TEST(LimitingLinks, TransfersThatShareALinkNameEachOtherAndWhatIsLeftOfTheirRate) {
  HandMade made(1e9, 4e9);
  made.fetch(1, 0, 10);
  made.fetch(2, 4, 20);
  const auto spans = limiting_links(made.evidence);
  EXPECT_THAT(spans[0], ElementsAre(LimitSpan{at(0), at(4), {0}, 1, {}},
                                    LimitSpan{at(4), at(10), {0}, 0.5, {RequestId{2}}}));
  EXPECT_THAT(spans[1], ElementsAre(LimitSpan{at(4), at(10), {0}, 0.5, {RequestId{1}}},
                                    LimitSpan{at(10), at(20), {0}, 1, {}}));
}

TEST(LimitingLinks, AShareThatAnotherLinkLeavesUnusedGoesToTheOthers) {
  // Links 0 and 1 carry 4; the first transfer also crosses link 2, which gives it 1 of them: the
  // second has the other 3, and it is link 0 that holds it back.
  HandMade made(4e9, 8e9, 1e9);
  made.fetch(1, 0, 10).links.push_back({2, 1});
  made.fetch(2, 0, 10);
  const auto spans = limiting_links(made.evidence);
  EXPECT_THAT(spans[0], ElementsAre(LimitSpan{at(0), at(10), {2}, 1, {}}));
  EXPECT_THAT(spans[1], ElementsAre(LimitSpan{at(0), at(10), {0}, 0.75, {RequestId{1}}}));
}

TEST(LimitingLinks, SlowOperationsCountForTheLinksThatHaveThem) {
  HandMade made(4e9, 4e9);
  ExplainTransfer& fetch = made.fetch(1, 0, 10);
  fetch.cap = 1e9;
  fetch.cap_links = {1};
  EXPECT_THAT(limiting_links(made.evidence),
              ElementsAre(ElementsAre(LimitSpan{at(0), at(10), {1}, 1, {}})));
}

TEST(LimitingLinks, ACopyBehindAFetchIsLimitedByWhatLimitsTheFetch) {
  HandMade made(1e9, 4e9, 16e9);
  made.fetch(1, 0, 10);
  made.copy(1, 0, 12).follows = 0;
  const auto spans = limiting_links(made.evidence);
  ASSERT_EQ(spans[1].size(), 2U);
  EXPECT_THAT(spans[1][0].links, ElementsAre(0)) << "the storage node's NIC, while it follows";
  EXPECT_THAT(spans[1][1].links, ElementsAre(2)) << "its own lane, once all has landed";
}

TEST(LimitingLinks, ATransferThatNeverFlowedHasNone) {
  HandMade made;
  made.fetch(1, 5, 5);
  EXPECT_THAT(limiting_links(made.evidence), ElementsAre(IsEmpty()));
}

}  // namespace
}  // namespace calvo::analysis
