// The rungs of the ladder: what each changes of the one before, and which named engine it is.
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

/// Every switch of the engine as the resolved scenario writes it, by its key.
std::map<std::string, std::string> switches(const std::string& engine) {
  std::istringstream yaml(load_small({"engine=" + engine}).resolved_yaml);
  std::map<std::string, std::string> found;
  std::string line;
  std::string group;
  bool inside = false;
  while (std::getline(yaml, line)) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == 0) inside = line == "engine:";
    if (!inside || indent == 0 || indent == std::string::npos) continue;
    const std::size_t colon = line.find(':');
    const std::string key = line.substr(indent, colon - indent);
    if (indent == 2) group = key;
    found[indent == 2 ? key : group + "." + key] = line.substr(colon + 1);
  }
  found.erase("name");
  EXPECT_GT(found.size(), 40U) << "of " << engine;
  return found;
}

/// Keys in which two engines differ.
std::vector<std::string> differences(const std::string& one, const std::string& other) {
  const auto before = switches(one);
  std::vector<std::string> keys;
  for (const auto& [key, value] : switches(other)) {
    if (!before.contains(key) || before.at(key) != value) keys.push_back(key);
  }
  return keys;
}

const std::vector<std::string> all_orders = {"network_order.policy", "pcie_order.policy",
                                             "prefill_order.policy"};

struct Rung {
  std::string name;
  std::vector<std::string> changes;  ///< of the one before
};

std::vector<Rung> ladder() {
  return {
      {"b0_recompute", {}},
      {"b1_sync", {"restore"}},
      {"b2_bulk", {"run_blocks"}},
      {"b3_async",
       {"coupling", "network_start", "network_window.operations", "pcie_start", "step_waits_for"}},
      {"b4_prefetch", {"network_start", "prefetch_requests"}},
      {"b5_decoupled",
       {"completion_seen", "cut", "gpu_memory", "network_start", "network_window.bytes",
        "network_window.operations", "no_space", "pcie_window.bytes", "pcie_window.operations",
        "prefetch_requests"}},
      {"b6_reserve", {"gpu_memory"}},
      {"b7_sjf_new", all_orders},
      {"b7_sjf_cost", all_orders},
      {"b7_edf", all_orders},
      {"b7_lstf", all_orders},
      {"b7_lstf_drop", {"late"}},
      {"b8_bottleneck", all_orders},
      {"b9_layers", {"step_waits_for"}},
      {"b10_soonest", {"restore"}}};
}

TEST(Ladder, EachRungChangesWhatItSaysOfTheOneBeforeAndNothingElse) {
  const std::vector<Rung> rungs = ladder();
  for (std::size_t i = 1; i < rungs.size(); ++i) {
    EXPECT_THAT(differences(rungs[i - 1].name, rungs[i].name),
                testing::UnorderedElementsAreArray(rungs[i].changes))
        << rungs[i].name;
  }
}

TEST(Ladder, RungsAreTheNamedEnginesTheySayTheyAre) {
  for (const auto& [rung, engine] : {std::pair{"b2_bulk", "vllm_sync"},
                                     {"b6_reserve", "calvo_fifo"},
                                     {"b7_sjf_cost", "calvo_sjf"},
                                     {"b7_lstf", "calvo"},
                                     {"b7_lstf_drop", "calvo_lstf_drop"}}) {
    EXPECT_THAT(differences(rung, engine), testing::IsEmpty()) << rung;
  }
  EXPECT_THAT(differences("b3_async", "vllm_async_2025"),
              testing::ElementsAre("concurrent_prefills"));
}

TEST(Ladder, OtherEnginesDifferFromTheirRelativesInWhatTheyAreNamedFor) {
  EXPECT_THAT(differences("vllm_async_2025", "vllm_async_2026"),
              testing::ElementsAre("load_admission"));
  EXPECT_THAT(differences("vllm_async_2026", "load_or_recompute"), testing::ElementsAre("restore"));
  EXPECT_THAT(differences("vllm_async_2026", "tent_edf"),
              testing::ElementsAre("cut", "late", "late_factor", "network_order.policy",
                                   "network_window.bytes", "network_window.operations"));
  EXPECT_THAT(differences("hicache_wait_complete", "hicache_best_effort"),
              testing::ElementsAre("load_stop"));
  EXPECT_THAT(differences("hicache_wait_complete", "hicache_timeout"),
              testing::ElementsAre("load_stop"));
}

}  // namespace
}  // namespace calvo::scenarios
