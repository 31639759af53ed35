#include "tests/control/good_end.hpp"

#include <string>

#include <gtest/gtest.h>

namespace calvo::control::fake {
namespace {

void expect_ordered(const RequestTimes& times) {
  const Instant dates[] = {times.arrival,      times.lookup_done, times.load_start,
                           times.network_done, times.loaded,      times.prefill_start,
                           times.first_token,  times.finish};
  for (std::size_t i = 1; i < std::size(dates); ++i) {
    EXPECT_LE(dates[i - 1], dates[i]) << "date " << i;
    EXPECT_NE(dates[i], never) << "date " << i;
  }
}

}  // namespace

void expect_a_good_end(SmallScenario& scenario, FakeDriver& driver) {
  std::string broken;
  driver.after_batch = [&](const FakeDriver& at, std::uint32_t instance) {
    if (!broken.empty()) return;
    broken = const_cast<FakeDriver&>(at).instance(instance).audit();
    if (!broken.empty()) broken += " at " + std::to_string(at.now().time_since_epoch().count());
  };
  play(scenario, driver);
  bool ended = false;
  try {
    ended = driver.run(20'000);
  } catch (const std::exception& error) {
    FAIL() << error.what() << " at " << driver.now().time_since_epoch().count();
  }
  ASSERT_TRUE(ended) << "it goes round in circles";
  ASSERT_EQ(broken, "");
  for (const std::string& complaint : driver.complaints()) ADD_FAILURE() << complaint;

  for (const RequestSpec& spec : scenario.specs) {
    SCOPED_TRACE("request " + std::to_string(raw(spec.id)));
    const auto found = driver.ended().find(spec.id);
    ASSERT_NE(found, driver.ended().end()) << "it never ended";
    const Ended& request = found->second;
    const std::int64_t block = scenario.setup.resources.block_tokens.count();
    const Tokens output = scenario.setup.engine.decode ? spec.output : Tokens{1};
    const std::int64_t blocks = ((spec.input + output).count() + block - 1) / block;
    EXPECT_EQ(request.outcome == Outcome::rejected, blocks > scenario.setup.resources.gpu_blocks);
    if (request.outcome == Outcome::rejected) {
      EXPECT_EQ(request.reason, RejectReason::larger_than_gpu_memory);
    }
    if (request.outcome != Outcome::completed) continue;
    expect_ordered(request.times);
    EXPECT_LE(request.cached, spec.input - Tokens{1});
  }
  for (std::size_t i = 0; i < driver.instances(); ++i) {
    EXPECT_EQ(driver.instance(i).unfinished(), 0);
    EXPECT_EQ(driver.instance(i).idle_problem(), "");
  }
}

}  // namespace calvo::control::fake
