#include "traces/deadlines.hpp"

#include <map>

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::traces {
namespace {

using std::chrono::milliseconds;

std::vector<RequestSpec> requests_of(std::size_t count) {
  std::vector<RequestSpec> requests(count);
  for (std::size_t i = 0; i < count; ++i) {
    requests[i].id = RequestId{i};
    requests[i].isolated_ttft = milliseconds{10 + static_cast<std::int64_t>(i)};
  }
  return requests;
}

TEST(Deadlines, AreADrawnFactorTimesTheIsolatedTtft) {
  auto requests = requests_of(3000);
  assign_deadlines(requests, {.kind = DeadlineKind::isolated_factor}, 1);
  std::map<std::int64_t, int> factors;
  for (const RequestSpec& request : requests) {
    EXPECT_EQ(request.deadline.count() % request.isolated_ttft.count(), 0);
    ++factors[request.deadline.count() / request.isolated_ttft.count()];
  }
  ASSERT_EQ(factors.size(), 3U);
  for (const std::int64_t factor : {2, 4, 8}) EXPECT_NEAR(factors[factor], 1000, 120);
}

TEST(Deadlines, DependOnSeedAndRequestOnly) {
  auto requests = requests_of(100);
  auto fewer = requests_of(50);
  auto others = requests_of(100);
  assign_deadlines(requests, {.kind = DeadlineKind::isolated_factor}, 1);
  assign_deadlines(fewer, {.kind = DeadlineKind::isolated_factor}, 1);
  assign_deadlines(others, {.kind = DeadlineKind::isolated_factor}, 2);
  int changed = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(fewer[i].deadline, requests[i].deadline);
    changed += others[i].deadline != requests[i].deadline ? 1 : 0;
  }
  EXPECT_GT(changed, 10);
}

TEST(Deadlines, CanBeFixedOrAMultipleOfTheMedianOrAbsent) {
  auto requests = requests_of(3);  // 10, 11, 12 ms
  assign_deadlines(requests, {.kind = DeadlineKind::fixed, .ttft = milliseconds{4000}}, 1);
  EXPECT_EQ(requests[2].deadline, milliseconds{4000});
  assign_deadlines(requests, {.kind = DeadlineKind::low_load_multiple, .multiple = 3}, 1);
  EXPECT_EQ(requests[2].deadline, milliseconds{33});
  assign_deadlines(requests, {}, 1);
  EXPECT_EQ(requests[2].deadline, Nanoseconds::max());
}

TEST(Deadlines, NeedTheIsolatedTtft) {
  std::vector<RequestSpec> requests(1);
  EXPECT_THROW(assign_deadlines(requests, {.kind = DeadlineKind::isolated_factor}, 1),
               ContractViolation);
}

TEST(Deadlines, SayWhatIsWrongWithARule) {
  const auto problem = [](const DeadlineRule& rule) {
    const auto found = problem_in(rule);
    return found ? found->field + ": " + found->problem : "none";
  };
  EXPECT_EQ(problem({}), "none");
  EXPECT_EQ(problem({.kind = DeadlineKind::isolated_factor, .factors = {}}),
            "deadlines.factors: missing; give at least one factor");
  EXPECT_EQ(problem({.kind = DeadlineKind::isolated_factor, .factors = {2, -1}}),
            "deadlines.factors: must be above 0 and at most 1e6, is \"-1\"");
  EXPECT_EQ(problem({.kind = DeadlineKind::fixed}), "deadlines.ttft: must be above 0");
  EXPECT_EQ(problem({.kind = DeadlineKind::low_load_multiple, .multiple = 0}),
            "deadlines.multiple: must be above 0 and at most 1e6, is \"0\"");
}

}  // namespace
}  // namespace calvo::traces
