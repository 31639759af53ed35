// Property: whatever switches an engine is made of, a real run ends every request with the logits
// of a full recompute and replays.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "core/random.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

constexpr double tolerance = 1e-3;
const std::vector<std::string> quick = {"workload.synthetic.arrival.rate=800 /s",
                                        "workload.synthetic.count=24"};

const RealrunResult& reference() {
  static const RealrunResult recomputed = [] {
    std::vector<std::string> overrides = quick;
    overrides.emplace_back("engine=recompute_only");
    scenarios::Scenario all = small_scenario(overrides);
    const Nodes none(all, Nodes::Contents::empty);
    return realrun(all, options_for(none));
  }();
  return recomputed;
}

std::vector<std::string> random_switches(std::uint64_t seed) {
  Random random(seed, 5);
  std::vector<std::string> overrides = quick;
  const auto pick = [&](const std::string& key, const std::vector<std::string>& values) {
    const std::uint64_t chosen = random.below(values.size() + 1);  // the last: as the engine has it
    if (chosen < values.size()) overrides.push_back("engine." + key + "=" + values[chosen]);
  };
  const std::vector<std::string> engines = {"calvo", "vllm_sync", "vllm_async_2025",
                                            "early_prefetch"};
  overrides.push_back("engine=" + engines[random.below(engines.size())]);
  pick("coupling", {"serial", "decoupled"});
  pick("network_start", {"in_step", "at_admission", "first_probe", "on_arrival"});
  pick("pcie_start", {"in_step", "at_batch", "on_landing"});
  pick("gpu_memory", {"at_load_begin", "at_network_issue", "at_copy_issue", "whole_request"});
  pick("no_space", {"break", "skip", "recompute"});
  pick("load_stop", {"wait", "best_effort", "timeout"});
  pick("load_timeout_base", {"1 ms"});
  pick("cut", {"never", "block"});
  pick("step_waits_for", {"all_loads", "own_loads", "layers"});
  pick("completion_seen", {"at_event", "at_step"});
  pick("write", {"through", "selective", "on_evict"});
  pick("restore", {"load_all", "cheaper"});
  pick("chunk_tokens", {"16", "50"});
  pick("token_budget", {"40", "100"});
  pick("concurrent_prefills", {"1", "4"});
  pick("network_window", {"{bytes: 4 KiB, operations: 1}", "{bytes: 64 MiB, operations: 4}"});
  pick("pcie_window", {"{bytes: 4 KiB, operations: 1}", "unbounded"});
  const std::vector<std::string> memory = {"40 KiB", "64 KiB", "128 KiB"};
  overrides.push_back("memory.gpu=" + memory[random.below(memory.size())]);
  overrides.push_back("memory.host=" + memory[random.below(memory.size())]);
  return overrides;
}

class EngineSwitches : public ::testing::TestWithParam<int> {};

TEST_P(EngineSwitches, EndEveryRequestRight) {
  const std::vector<std::string> overrides =
      random_switches(static_cast<std::uint64_t>(GetParam()));
  std::string told;
  for (const std::string& override_ : overrides) told += "  " + override_ + "\n";
  SCOPED_TRACE(told);
  const auto load = [&] { return small_scenario(overrides); };
  try {
    load();
  } catch (const InputError&) {
    return;  // switches that have no effect together are refused
  }
  const scenarios::Scenario first = load();
  const Nodes nodes(first, Nodes::Contents::empty);
  for (int run = 0; run < 2; ++run) {
    scenarios::Scenario scenario = load();
    const Recorded recorded = record(scenario, options_for(nodes));
    EXPECT_EQ(completed(recorded.result), 24);
    EXPECT_LT(largest_distance(recorded.result, reference()), tolerance);
    EXPECT_GE(largest_distance(recorded.result, reference()), 0);
    EXPECT_EQ(replay_difference(recorded, scenario), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineSwitches, ::testing::Range(0, 40));

}  // namespace
}  // namespace calvo::realrun::testing
