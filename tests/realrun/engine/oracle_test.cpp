// The oracle: logits with a prefix that came over the network equal those of a full recompute,
// through every fabric, from storage nodes in processes of their own.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"
#include "tests/realrun/engine/far_nodes.hpp"

namespace calvo::realrun::testing {
namespace {

/// Sums in another order may differ in the last bits of a float; a wrong block differs by 0.1.
constexpr double tolerance = 1e-3;

using Overrides = std::vector<std::string>;

Overrides operator+(Overrides some, const Overrides& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

/// Nothing is loaded, everything is computed; once for all tests of this process.
const RealrunResult& recomputed(const Overrides& overrides) {
  static std::map<Overrides, RealrunResult> known;
  const auto [entry, is_new] = known.try_emplace(overrides);
  if (is_new) {
    scenarios::Scenario all = small_scenario(overrides + Overrides{"engine=recompute_only"});
    const Nodes none(all, Contents::empty);
    entry->second = realrun(all, options_for(none));
  }
  return entry->second;
}

RealrunResult run_on(const FarNodes& nodes, const Overrides& overrides) {
  scenarios::Scenario scenario = small_scenario(overrides);
  return realrun(scenario, nodes.options());
}

void expect_same(const RealrunResult& result, const RealrunResult& reference) {
  EXPECT_LT(largest_distance(result, reference), tolerance);
  EXPECT_GE(largest_distance(result, reference), 0);
}

struct Blocks {
  std::int64_t tokens = 0;
  std::string small_pool;  ///< of a node that cannot keep all
  Overrides overrides;
};

void PrintTo(const Blocks& blocks, std::ostream* out) {  // NOLINT: GoogleTest's name for it
  *out << "blocks of " << blocks.tokens;
}

const Blocks small_blocks = {16, "32 KiB", {}};
const Blocks large_blocks = {
    256,
    "192 KiB",
    {"block_tokens=256", "memory={gpu: 1 MiB, host: 512 KiB, remote: 8 MiB}",
     "workload.synthetic.count=10", "workload.synthetic.shared_prefix=300",
     "workload.synthetic.context={kind: uniform, low: 200, high: 700}",
     "workload.synthetic.query={kind: uniform, low: 1, high: 400}"}};

class Oracle : public ::testing::TestWithParam<std::tuple<std::string, Blocks>> {
protected:
  void SetUp() override {
    const std::string reason = why_skipped(fabric());
    if (!reason.empty()) GTEST_SKIP() << reason;
  }
  static const std::string& fabric() { return std::get<0>(GetParam()); }
  static const Blocks& blocks() { return std::get<1>(GetParam()); }
  /// What engines do differently, they do in the same way over every fabric.
  static std::vector<std::string> engines() {
    if (fabric() != "tcp") return {"calvo"};
    return {"calvo", "vllm_sync", "vllm_async_2025"};
  }
};

TEST_P(Oracle, LoadedPrefixesGiveTheLogitsOfAFullRecompute) {
  const RealrunResult& reference = recomputed(blocks().overrides);
  for (const std::string& engine : engines()) {
    SCOPED_TRACE(engine);
    const Overrides overrides = blocks().overrides + Overrides{"engine=" + engine};
    const FarNodes nodes({.fabric = fabric(), .overrides = overrides});
    expect_same(run_on(nodes, overrides), reference);
    EXPECT_GT(nodes.stored_blocks(), 0U);

    // A fresh engine with empty tiers finds there what the first one has computed.
    const RealrunResult loading = run_on(nodes, overrides);
    expect_same(loading, reference);
    EXPECT_GT(loading.run.counters.fetched_blocks, 0);
    EXPECT_EQ(loading.load.verified_blocks, loading.run.counters.fetched_blocks);
    EXPECT_EQ(loading.load.corrupt_blocks, 0);
  }
}

TEST_P(Oracle, HitsThatEndInsideAPromptGiveTheLogitsOfAFullRecompute) {
  const RealrunResult& reference = recomputed(blocks().overrides);
  const Overrides small_pool =
      blocks().overrides + Overrides{"memory.remote=" + blocks().small_pool};
  const FarNodes nodes({.fabric = fabric(), .overrides = small_pool});
  run_on(nodes, small_pool);
  const RealrunResult loading = run_on(nodes, small_pool);
  EXPECT_TRUE(std::ranges::any_of(loading.run.requests, [](const RequestRecord& request) {
    return request.cached > Tokens{0} && request.cached + Tokens{blocks().tokens} < request.input;
  }));
  expect_same(loading, reference);
}

TEST_P(Oracle, KvThatWasNotComputedGivesOtherLogits) {
  const RealrunResult& reference = recomputed(blocks().overrides);
  const FarNodes synthetic({.fabric = fabric(),
                            .overrides = blocks().overrides,
                            .contents = Contents::initial});  // random KV under these names
  const RealrunResult wrong = run_on(synthetic, blocks().overrides);
  EXPECT_GT(wrong.run.counters.fetched_blocks, 0);
  EXPECT_GT(largest_distance(wrong, reference), 10 * tolerance);
}

INSTANTIATE_TEST_SUITE_P(Fabric, Oracle,
                         ::testing::Combine(::testing::ValuesIn(fabrics_to_test()),
                                            ::testing::Values(small_blocks, large_blocks)),
                         [](const auto& param) {
                           return plain(std::get<0>(param.param)) + "_blocks_" +
                                  std::to_string(std::get<1>(param.param).tokens);
                         });

/// Two copies of each block, so that one node can do without the other.
class OracleAfterFaults : public ::testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    const std::string reason = why_skipped(GetParam());
    if (!reason.empty()) GTEST_SKIP() << reason;
  }

  static FarNodes::Plan plan() { return {.fabric = GetParam(), .overrides = twice}; }

  /// A run in which `strike` comes as soon as so many requests have ended, as far as one can tell:
  /// with 0 before the first of them comes.
  static Recorded run_and_strike(const FarNodes& nodes, std::int64_t ended_before,
                                 const std::function<void()>& strike, Nanoseconds limit) {
    RealrunOptions options = nodes.options();
    options.transfer_limit = limit;
    bool struck = false;
    options.progress = [&](std::int64_t ended, std::int64_t, double) {
      if (struck || ended < ended_before) return;
      struck = true;
      strike();
    };
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (;;) {
      // Slow enough for a strike in the middle.
      scenarios::Scenario scenario =
          small_scenario(twice + Overrides{"workload.synthetic.arrival.rate=60 /s"});
      try {
        Recorded recorded = record(scenario, options);
        EXPECT_EQ(completed(recorded.result), 30);
        EXPECT_EQ(replay_difference(recorded, scenario), "");
        expect_same(recorded.result, recomputed(twice));
        return recorded;
      } catch (const InputError&) {  // to connect took longer than an impatient engine waits
        if (struck || std::chrono::steady_clock::now() > give_up) throw;
      }
    }
  }

  static inline const Overrides twice = {"memory.storage_replicas=2", "memory.remote=8 MiB"};
  static constexpr Nanoseconds patient{30'000'000'000};
  static constexpr Nanoseconds impatient{1'000'000'000};
};

TEST_P(OracleAfterFaults, TheReplicaOfAKilledNodeGivesTheLogitsOfAFullRecompute) {
  for (const std::int64_t ended : {0, 5}) {
    SCOPED_TRACE(ended);
    FarNodes nodes(plan());
    run_on(nodes, twice);
    const Recorded loading = run_and_strike(
        nodes, ended, [&] { nodes.kill(0); }, patient);
    EXPECT_GT(loading.result.run.counters.fetched_blocks, 0);
    EXPECT_EQ(loading.result.load.corrupt_blocks, 0);
  }
}

TEST_P(OracleAfterFaults, AStoppedNodeIsGivenUpAndTheLogitsAreThoseOfAFullRecompute) {
  FarNodes nodes(plan());
  run_on(nodes, twice);
  const Recorded loading = run_and_strike(
      nodes, 0, [&] { nodes.stop(0); }, impatient);
  EXPECT_GT(loading.result.load.timeouts, 0);
}

TEST_P(OracleAfterFaults, NodesThatGoAndComeBackGiveTheLogitsOfAFullRecompute) {
  FarNodes::Plan unsteady = plan();
  unsteady.faults = "die@40ms..80ms,die@150ms..200ms,die@300ms..350ms,die@500ms..550ms";
  const FarNodes nodes(unsteady);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  for (int run = 0; run < 3;) {
    try {
      expect_same(run_on(nodes, twice), recomputed(twice));
      ++run;
    } catch (const InputError&) {  // just now they cannot be reached
      if (std::chrono::steady_clock::now() > limit) throw;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fabric, OracleAfterFaults, ::testing::ValuesIn(fabrics_to_test()),
                         [](const auto& param) { return plain(param.param); });

TEST(OracleByLayers, StepsThatRunBehindTheirCopiesGiveTheSameLogits) {
  const RealrunResult& reference = recomputed({});
  for (const std::string engine : {"calvo", "vllm_sync"}) {
    SCOPED_TRACE(engine);
    const Overrides overrides = {"engine=" + engine, "engine.step_waits_for=layers"};
    scenarios::Scenario first = small_scenario(overrides);
    const Nodes nodes(first, Contents::empty);
    realrun(first, options_for(nodes));
    scenarios::Scenario second = small_scenario(overrides);
    const Recorded loading = record(second, options_for(nodes));
    EXPECT_GT(loading.result.run.counters.copied_blocks, 0);
    expect_same(loading.result, reference);
    EXPECT_EQ(replay_difference(loading, second), "");
  }
}

}  // namespace
}  // namespace calvo::realrun::testing
