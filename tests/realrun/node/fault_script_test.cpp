#include "realrun/node/fault_script.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "realrun/node/fault_plan.hpp"

namespace calvo::realrun {
namespace {

using Verdict = SendGate::Verdict;

std::string error_of(const std::string& text) {
  try {
    parse_fault_script(text);
  } catch (const InputError& wrong) {
    return wrong.what();
  }
  return "none";
}

TEST(FaultScript, ReadsKindsDatesAndAmounts) {
  const FaultScript script = parse_fault_script(
      "corrupt@1s..3s:0.1,die@5s..7s,delay@0s:5 ms,slow@1min..2min:50 %,hang@9s");
  ASSERT_EQ(script.faults.size(), 5U);
  EXPECT_EQ(script.faults[0].kind, FaultKind::corrupt);
  EXPECT_EQ(script.faults[0].from, Seconds{1});
  EXPECT_EQ(script.faults[0].until, Seconds{3});
  EXPECT_EQ(script.faults[0].amount, 0.1);
  EXPECT_EQ(script.faults[1].kind, FaultKind::die);
  EXPECT_EQ(script.faults[2].amount, 0.005);
  EXPECT_EQ(script.faults[2].until, Seconds{1e18});
  EXPECT_EQ(script.faults[3].from, Seconds{60});
  EXPECT_EQ(script.faults[3].amount, 0.5);
  EXPECT_EQ(script.faults[4].kind, FaultKind::hang);
}

TEST(FaultScript, SaysWhereItIsWrong) {
  const std::string form =
      "write KIND@FROM..UNTIL:AMOUNT, for example corrupt@1s..3s:0.1 or die@5s..7s";
  EXPECT_EQ(error_of(""), "--faults:1:1: a fault is missing; " + form);
  EXPECT_EQ(error_of("die@1s,"), "--faults:1:8: a fault is missing; " + form);
  EXPECT_EQ(error_of("die@1s,corupt@1s"),
            "--faults:1:8: unknown fault \"corupt\" (did you mean \"corrupt\"?)");
  EXPECT_EQ(error_of("die"), "--faults:1:1: no date; " + form);
  EXPECT_EQ(error_of("die@3s..1s"), "--faults:1:5: it ends before it begins");
  EXPECT_EQ(error_of("die@1s:0.5"), "--faults:1:8: die takes no amount");
  EXPECT_EQ(error_of("slow@1s"),
            "--faults:1:1: slow wants an amount: share of the pace, as in slow@0s:0.5");
  EXPECT_EQ(error_of("delay@1s"),
            "--faults:1:1: delay wants an amount: how much later, as in delay@0s:5ms");
  EXPECT_EQ(error_of("drop@1s:0"), "--faults:1:9: the amount of drop is above 0");
  EXPECT_EQ(error_of("die@98888888888888888888s"),
            "--faults:1:5: \"98888888888888888888s\" is longer than the longest run, 8388608 s (97 "
            "days)");
  EXPECT_EQ(error_of("drop@1"),
            "--faults:1:6: missing unit in \"1\" (one of: ns, us, ms, s, min, h)");
}

TEST(FaultPlan, FaultsHoldFromTheirBeginningUntilBeforeTheirEnd) {
  const FaultPlan plan(parse_fault_script("die@5s..7s,hang@1s..2s,delay@3s..4s:5ms,delay@3s:1ms,"
                                          "slow@1s..9s:0.5,slow@2s..3s:0.5"),
                       100);
  EXPECT_FALSE(plan.dead(Seconds{4.999}));
  EXPECT_TRUE(plan.dead(Seconds{5}));
  EXPECT_TRUE(plan.dead(Seconds{6.999}));
  EXPECT_FALSE(plan.dead(Seconds{7}));
  EXPECT_TRUE(plan.hung(Seconds{1.5}));
  EXPECT_FALSE(plan.hung(Seconds{2}));
  EXPECT_DOUBLE_EQ(plan.delay(Seconds{3.5}).count(), 0.006);
  EXPECT_DOUBLE_EQ(plan.delay(Seconds{4}).count(), 0.001);
  EXPECT_EQ(plan.speed(Seconds{0}), 1);
  EXPECT_EQ(plan.speed(Seconds{1}), 0.5);
  EXPECT_EQ(plan.speed(Seconds{2}), 0.25);
}

TEST(FaultPlan, KnowsWhenItChangesNext) {
  const FaultPlan plan(parse_fault_script("die@5s..7s,hang@1s"), 100);
  EXPECT_EQ(plan.next_change(Seconds{0}), Seconds{1});
  EXPECT_EQ(plan.next_change(Seconds{1}), Seconds{5});
  EXPECT_EQ(plan.next_change(Seconds{5}), Seconds{7});
  EXPECT_GE(plan.next_change(Seconds{7}), Seconds{1e18});
}

TEST(FaultPlan, StrikesOncePerBlockAndNotPerPiece) {
  FaultPlan plan(parse_fault_script("corrupt@0s"), 100);
  EXPECT_EQ(plan.draw(Seconds{0}, 200, 50), Verdict::corrupt);  // begins block 2
  EXPECT_EQ(plan.draw(Seconds{0}, 250, 50), Verdict::send);     // the rest of it
  EXPECT_EQ(plan.draw(Seconds{0}, 250, 51), Verdict::corrupt);  // reaches into block 3
  EXPECT_EQ(plan.draw(Seconds{0}, 1, 99), Verdict::send);
}

TEST(FaultPlan, TheFirstOfTheScriptThatStrikesCounts) {
  FaultPlan plan(parse_fault_script("truncate@1s,drop@0s"), 100);
  EXPECT_EQ(plan.draw(Seconds{0}, 0, 100), Verdict::drop_connection);
  EXPECT_EQ(plan.draw(Seconds{1}, 0, 100), Verdict::truncate);
}

TEST(FaultPlan, ChanceIsAsOftenAsItSaysAndTheSameForTheSameSeed) {
  FaultScript script = parse_fault_script("corrupt@0s:0.1");
  const auto strikes = [&](std::uint64_t seed) {
    script.seed = seed;
    FaultPlan plan(script, 100);
    std::vector<bool> struck;
    for (std::uint64_t block = 0; block < 10'000; ++block) {
      struck.push_back(plan.draw(Seconds{0}, block * 100, 100) == Verdict::corrupt);
    }
    return struck;
  };
  const std::vector<bool> first = strikes(1);
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), true)), 1000, 180);
  EXPECT_EQ(first, strikes(1));
  EXPECT_NE(first, strikes(2));
}

}  // namespace
}  // namespace calvo::realrun
