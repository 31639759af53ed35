// The oracle: logits with a prefix that came over the network equal those of a full recompute.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

/// Sums in another order may differ in the last bits of a float; a wrong block differs by 0.1.
constexpr double tolerance = 1e-3;

struct Blocks {
  std::int64_t tokens = 0;
  std::string small_pool;  ///< of a node that cannot keep all
  std::vector<std::string> overrides;
};

class Oracle : public ::testing::TestWithParam<Blocks> {
protected:
  scenarios::Scenario scenario(const std::string& engine) const {
    std::vector<std::string> overrides = GetParam().overrides;
    overrides.push_back("engine=" + engine);
    return small_scenario(overrides);
  }
  /// Nothing is loaded, everything is computed.
  RealrunResult recomputed() const {
    scenarios::Scenario all = scenario("recompute_only");
    const Nodes none(all, Nodes::Contents::empty);
    return realrun(all, options_for(none));
  }
};

TEST_P(Oracle, LoadedPrefixesGiveTheLogitsOfAFullRecompute) {
  const RealrunResult reference = recomputed();
  for (const char* engine : {"calvo", "vllm_sync", "vllm_async_2025"}) {
    scenarios::Scenario first = scenario(engine);
    const Nodes nodes(first, Nodes::Contents::empty);
    const RealrunResult storing = realrun(first, options_for(nodes));
    EXPECT_GT(nodes.stored_blocks(), 0U) << engine;
    EXPECT_LT(largest_distance(storing, reference), tolerance) << engine;
    EXPECT_GE(largest_distance(storing, reference), 0) << engine;

    // A fresh engine with empty tiers finds there what the first one has computed.
    scenarios::Scenario second = scenario(engine);
    const RealrunResult loading = realrun(second, options_for(nodes));
    EXPECT_GT(loading.run.counters.fetched_blocks, 0) << engine;
    EXPECT_LT(largest_distance(loading, reference), tolerance) << engine;
    EXPECT_GE(largest_distance(loading, reference), 0) << engine;
  }
}

TEST_P(Oracle, HitsThatEndInsideAPromptGiveTheLogitsOfAFullRecompute) {
  const RealrunResult reference = recomputed();
  const auto small_pool = [&] {
    std::vector<std::string> overrides = GetParam().overrides;
    overrides.push_back("memory.remote=" + GetParam().small_pool);
    return small_scenario(overrides);
  };
  scenarios::Scenario first = small_pool();
  const Nodes nodes(first, Nodes::Contents::empty);
  realrun(first, options_for(nodes));
  scenarios::Scenario second = small_pool();
  const RealrunResult loading = realrun(second, options_for(nodes));
  EXPECT_TRUE(std::ranges::any_of(loading.run.requests, [&](const RequestRecord& request) {
    return request.cached > Tokens{0} && request.cached + Tokens{GetParam().tokens} < request.input;
  }));
  EXPECT_LT(largest_distance(loading, reference), tolerance);
  EXPECT_GE(largest_distance(loading, reference), 0);
}

TEST_P(Oracle, KvThatWasNotComputedGivesOtherLogits) {
  const RealrunResult reference = recomputed();
  scenarios::Scenario other = scenario("calvo");
  const Nodes synthetic(other, Nodes::Contents::initial);  // holds random KV under these names
  const RealrunResult wrong = realrun(other, options_for(synthetic));
  EXPECT_GT(wrong.run.counters.fetched_blocks, 0);
  EXPECT_GT(largest_distance(wrong, reference), 10 * tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    OfTokens, Oracle,
    ::testing::Values(Blocks{16, "32 KiB", {}},
                      Blocks{
                          256,
                          "192 KiB",
                          {"block_tokens=256", "memory={gpu: 1 MiB, host: 512 KiB, remote: 8 MiB}",
                           "workload.synthetic.count=10", "workload.synthetic.shared_prefix=300",
                           "workload.synthetic.context={kind: uniform, low: 200, high: 700}",
                           "workload.synthetic.query={kind: uniform, low: 1, high: 400}"}}),
    [](const auto& param) { return "Blocks" + std::to_string(param.param.tokens); });

TEST(OracleByLayers, StepsThatRunBehindTheirCopiesGiveTheSameLogits) {
  const auto scenario = [](const std::string& engine) {
    return small_scenario({"engine=" + engine, "engine.step_waits_for=layers"});
  };
  scenarios::Scenario all = small_scenario({"engine=recompute_only"});
  const Nodes none(all, Nodes::Contents::empty);
  const RealrunResult reference = realrun(all, options_for(none));
  for (const char* engine : {"calvo", "vllm_sync"}) {
    scenarios::Scenario first = scenario(engine);
    const Nodes nodes(first, Nodes::Contents::empty);
    realrun(first, options_for(nodes));
    scenarios::Scenario second = scenario(engine);
    const Recorded loading = record(second, options_for(nodes));
    EXPECT_GT(loading.result.run.counters.copied_blocks, 0) << engine;
    EXPECT_LT(largest_distance(loading.result, reference), tolerance) << engine;
    EXPECT_GE(largest_distance(loading.result, reference), 0) << engine;
    EXPECT_EQ(replay_difference(loading, second), "") << engine;
  }
}

}  // namespace
}  // namespace calvo::realrun::testing
