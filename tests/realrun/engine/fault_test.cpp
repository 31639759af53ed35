// Storage nodes that die, hang, drop, corrupt and crawl: every request ends, with the right logits,
// and nobody writes where it may not.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "core/random.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

constexpr double tolerance = 1e-3;

const std::vector<std::string> quick = {"workload.synthetic.arrival.rate=600 /s",
                                        "workload.synthetic.count=24"};

scenarios::Scenario scenario_for(const std::string& engine, std::vector<std::string> more = {}) {
  more.insert(more.begin(), quick.begin(), quick.end());
  more.push_back("engine=" + engine);
  return small_scenario(more);
}

const RealrunResult& reference() {
  static const RealrunResult recomputed = [] {
    scenarios::Scenario all = scenario_for("recompute_only");
    const Nodes none(all, Nodes::Contents::empty);
    return realrun(all, options_for(none));
  }();
  return recomputed;
}

RealrunOptions impatient(const Nodes& nodes) {
  RealrunOptions options = options_for(nodes);
  options.transfer_limit = Nanoseconds{100'000'000};
  return options;
}

void expect_right(const Recorded& recorded, const scenarios::Scenario& scenario,
                  const RealrunResult& computed = reference()) {
  EXPECT_TRUE(recorded.result.run.complete);
  EXPECT_EQ(completed(recorded.result), 24);
  EXPECT_LT(largest_distance(recorded.result, computed), tolerance);
  EXPECT_GE(largest_distance(recorded.result, computed), 0);
  EXPECT_EQ(replay_difference(recorded, scenario), "");
}

/// A run, as soon as the nodes can be reached.
Recorded record_when_up(const std::string& engine, const std::vector<std::string>& overrides,
                        const RealrunOptions& options) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  for (;;) {
    scenarios::Scenario scenario = scenario_for(engine, overrides);
    try {
      Recorded recorded = record(scenario, options);
      expect_right(recorded, scenario);
      return recorded;
    } catch (const InputError&) {
      if (std::chrono::steady_clock::now() > limit) throw;
    }
  }
}

/// Two runs on the same nodes: the first fills them, the second, with empty tiers, loads from them.
/// Returns the second.
Recorded fill_and_load(const std::string& engine, const std::vector<std::string>& overrides,
                       const RealrunOptions& options) {
  record_when_up(engine, overrides, options);
  return record_when_up(engine, overrides, options);
}

class OneFault : public ::testing::TestWithParam<const char*> {};

TEST_P(OneFault, EveryRequestEndsWithTheRightLogits) {
  const FaultScript script = parse_fault_script(GetParam());
  const Nodes nodes(scenario_for("calvo"), Nodes::Contents::empty, {script, script});
  fill_and_load("calvo", {}, impatient(nodes));
}

INSTANTIATE_TEST_SUITE_P(Script, OneFault,
                         ::testing::Values("corrupt@0s..60s:0.3", "drop@0s..60s:0.1",
                                           "truncate@0s..60s:0.1", "die@20ms..40ms",
                                           "delay@0s..60s:2ms"),
                         [](const auto& param) {
                           const std::string name = param.param;
                           std::string plain;
                           std::ranges::copy_if(name, std::back_inserter(plain), ::isalnum);
                           return plain;
                         });

TEST(Faults, ACorruptBlockIsSeenAndComputedInstead) {
  const FaultScript script = parse_fault_script("corrupt@0s");
  const Nodes nodes(scenario_for("calvo"), Nodes::Contents::empty, {script, script});
  const Recorded recorded = fill_and_load("calvo", {}, options_for(nodes));
  EXPECT_GT(recorded.result.load.corrupt_blocks, 0);
  EXPECT_EQ(recorded.result.run.counters.fetched_blocks, 0);
}

TEST(Faults, ANodeThatHangsIsGivenUpAndItsSlotsComeBack) {
  // Requests come for 0.4 s. The node hangs in the middle of that, if the machine takes as long to
  // begin as the time before.
  const std::vector<std::string> slowly = {"workload.synthetic.arrival.rate=60 /s"};
  scenarios::Scenario all = scenario_for("recompute_only", slowly);
  const RealrunResult computed = realrun(all, options_for(Nodes(all, Nodes::Contents::empty)));
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + std::chrono::seconds{60};
  std::int64_t timeouts = 0;
  std::int64_t set_up_ms = 0;  // from the nodes' start to the run's
  while (timeouts == 0 && Clock::now() < limit) {
    const std::string date = std::to_string(set_up_ms + 200) + "ms";
    scenarios::Scenario scenario = scenario_for("calvo", slowly);
    const Clock::time_point began = Clock::now();
    const Nodes nodes(scenario, Nodes::Contents::empty, {parse_fault_script("hang@" + date)});
    RealrunOptions options = impatient(nodes);
    set_up_ms = set_up_ms * 2 + 100;  // if it hangs before it can be reached
    options.progress = [&, first = true](std::int64_t, std::int64_t, double) mutable {
      if (!std::exchange(first, false)) return;
      set_up_ms = std::chrono::round<std::chrono::milliseconds>(Clock::now() - began).count();
    };
    try {
      const Recorded recorded = record(scenario, options);
      expect_right(recorded, scenario, computed);
      timeouts = recorded.result.load.timeouts;
    } catch (const InputError&) {
    }
  }
  EXPECT_GT(timeouts, 0);
}

TEST(Faults, ANodeThatDiesForGoodIsDoneWithout) {
  for (const std::uint64_t stored : {1U, 10U, 25U}) {
    scenarios::Scenario scenario = scenario_for("calvo");
    Nodes nodes(scenario, Nodes::Contents::empty);
    const RealrunOptions options = impatient(nodes);
    std::jthread killer([&](const std::stop_token& over) {
      while (nodes[0].counters().stored_blocks < stored && !over.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::microseconds{100});
      }
      nodes.kill(0);
    });
    expect_right(record(scenario, options), scenario);
  }
}

TEST(Faults, AReplicaGivesWhatABadNodeDoesNot) {
  const std::vector<std::string> twice = {"memory.storage_replicas=2", "memory.remote=8 MiB"};
  const FaultScript bad = parse_fault_script("corrupt@0s");
  const Nodes nodes(scenario_for("calvo", twice), Nodes::Contents::empty, {bad, {}});
  const Recorded recorded = fill_and_load("calvo", twice, options_for(nodes));
  EXPECT_GT(recorded.result.load.corrupt_blocks, 0);
  EXPECT_GT(recorded.result.run.counters.fetched_blocks, 0);
}

TEST(Faults, WhatIsNotVerifiedIsNotFound) {
  const FaultScript script = parse_fault_script("corrupt@0s");
  const Nodes nodes(scenario_for("calvo"), Nodes::Contents::empty, {script, script});
  fill_and_load("calvo", {}, options_for(nodes));
  RealrunOptions trusting = options_for(nodes);
  trusting.verify = false;
  scenarios::Scenario scenario = scenario_for("calvo");
  const RealrunResult result = realrun(scenario, trusting);
  EXPECT_EQ(completed(result), 24);
  EXPECT_EQ(result.load.verified_blocks, 0);
  EXPECT_GT(result.run.counters.fetched_blocks, 0);
}

std::string random_script(Random& random) {
  std::string script;
  for (std::uint64_t fault = 0, count = 1 + random.below(3); fault < count; ++fault) {
    if (fault > 0) script += ",";
    const std::uint64_t from = random.below(60);
    const std::uint64_t until = from + 1 + random.below(80);
    const std::string when = "@" + std::to_string(from) + "ms.." + std::to_string(until) + "ms";
    switch (random.below(8)) {
      case 0:
        script += "delay" + when + ":" + std::to_string(1 + random.below(9)) + "ms";
        break;
      case 1:
        script += "slow" + when + ":0." + std::to_string(1 + random.below(9));
        break;
      case 2:
        script += "drop" + when + ":0." + std::to_string(1 + random.below(9));
        break;
      case 3:
        script += "corrupt" + when + ":0." + std::to_string(1 + random.below(9));
        break;
      case 4:
        script += "truncate" + when + ":0." + std::to_string(1 + random.below(9));
        break;
      case 5:
        script += "hang" + when;
        break;
      case 6:  // whoever reconnects is thrown out again
        for (std::uint64_t i = 0, times = 2 + random.below(6); i < times; ++i) {
          const std::uint64_t start = from + 6 * i;
          script += (i > 0 ? ",die@" : "die@") + std::to_string(start) + "ms.." +
                    std::to_string(start + 1 + random.below(5)) + "ms";
        }
        break;
      default:
        script += "die" + when;
    }
  }
  return script;
}

/// The first seed and the one behind the last.
struct Seeds {
  std::uint64_t from = 0;
  std::uint64_t to = 50;
};

/// CALVO_FAULT_SCRIPTS=1000 for the long way, =500..1000 for the second half of it.
Seeds campaign() {
  const char* wanted = std::getenv("CALVO_FAULT_SCRIPTS");
  if (wanted == nullptr) return {};
  const std::string text = wanted;
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return {0, std::stoull(text)};
  return {std::stoull(text), std::stoull(text.substr(dots + 2))};
}

// Property: whatever goes wrong, every request ends with the logits of a full recompute, no byte
// lands in a slot that its transfer does not own (canaries), all books and holds are empty at the
// end (the driver checks), and the log replays.
TEST(FaultCampaign, EveryRequestOfEveryScriptEndsRight) {
  const std::vector<std::string> engines = {"calvo", "vllm_sync", "vllm_async_2025",
                                            "early_prefetch"};
  const Seeds seeds = campaign();
  ASSERT_LT(seeds.from, seeds.to);
  for (std::uint64_t seed = seeds.from; seed < seeds.to; ++seed) {
    Random random(seed, 17);
    const std::string& engine = engines[random.below(engines.size())];
    std::vector<std::string> overrides;
    if (random.below(2) == 0) {
      overrides = {"memory.storage_replicas=2", "memory.remote=8 MiB"};
    }
    std::vector<FaultScript> scripts;
    std::string told = engine;
    for (int node = 0; node < 2; ++node) {
      const std::string script = random.below(4) == 0 ? "" : random_script(random);
      told += " | " + script;
      scripts.push_back(script.empty() ? FaultScript{} : parse_fault_script(script));
      scripts.back().seed = seed + 1;
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + told);
    const Nodes nodes(scenario_for(engine, overrides), Nodes::Contents::empty, scripts);
    RealrunOptions options = impatient(nodes);
    options.transfer_limit = Nanoseconds{20'000'000};
    options.rails = 1 + static_cast<std::int32_t>(random.below(2));
    fill_and_load(engine, overrides, options);
    if (HasFailure()) return;
  }
}

TEST(FaultCampaign, LeavesNoThreadAndNoDescriptor) {
  const int threads_before = threads();
  const int descriptors_before = open_descriptors();
  {
    const Nodes nodes(scenario_for("calvo"), Nodes::Contents::empty,
                      {parse_fault_script("die@20ms..60ms")});
    record_when_up("calvo", {}, impatient(nodes));
  }
  EXPECT_EQ(threads(), threads_before);
  EXPECT_EQ(open_descriptors(), descriptors_before);
}

}  // namespace
}  // namespace calvo::realrun::testing
