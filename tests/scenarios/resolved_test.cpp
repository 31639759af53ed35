// The resolved scenario says everything, and reloads to itself.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> examples() {
  std::vector<std::string> files;
  const fs::path folder = fs::path(CALVO_SOURCE_DIR) / "scenarios" / "examples";
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() == ".yaml") files.push_back(file.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void expect_same(const Scenario& a, const Scenario& b) {
  EXPECT_EQ(a.resolved_yaml, b.resolved_yaml);
  EXPECT_EQ(a.instance.gpu_blocks, b.instance.gpu_blocks);
  EXPECT_EQ(a.instance.host_blocks, b.instance.host_blocks);
  EXPECT_EQ(a.remote_blocks, b.remote_blocks);
  const auto left = a.workload->requests();
  const auto right = b.workload->requests();
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i].input, right[i].input) << i;
    ASSERT_EQ(left[i].blocks, right[i].blocks) << i;
    ASSERT_EQ(left[i].isolated_ttft, right[i].isolated_ttft) << i;
    ASSERT_EQ(left[i].deadline, right[i].deadline) << i;
  }
  const models::Work work{Tokens{2048}, Tokens{512}, Tokens{0}, Tokens{128}};
  EXPECT_EQ(a.estimates->load(work), b.estimates->load(work));
  EXPECT_EQ(a.estimates->compute(work), b.estimates->compute(work));
}

class Example : public testing::TestWithParam<std::string> {};

TEST_P(Example, ReloadsFromItsResolvedTextToTheSameScenario) {
  const Scenario scenario = load_scenario(GetParam());
  EXPECT_THAT(scenario.resolved_yaml, testing::Not(testing::HasSubstr(CALVO_SOURCE_DIR)));
  EXPECT_THAT(scenario.resolved_yaml, testing::Not(testing::HasSubstr("file: /")));
  expect_same(scenario, load_scenario_text(scenario.resolved_yaml, "resolved.yaml"));
}

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(examples()),
                         [](const auto& file) { return fs::path(file.param).stem().string(); });

// Choices that bring keys of their own.
const std::vector<std::vector<std::string>> variants = {
    {"slo={ttft: none, tpot: 50 ms}"},
    {"slo={ttft: {fixed: 2 s}}"},
    {"slo={ttft: {low_load_multiple: 3}}"},
    {"truth={compute: roofline}"},
    {"estimates={model: linear}"},
    {"estimates={model: linear, load_per_token: 12.8 us, load_fixed: 1 ms, compute_per_token: 60 "
     "us, compute_fixed: 10 ms}"},
    {"estimates={model: perturbed, bias: 1.5, spread: 0.3}"},
    {"estimates={model: scrambled}"},
    {"topology={kind: leaf_spine, nodes_per_leaf: 2, spines: 2, oversubscription: 3}"},
    {"topology.gpus_per_pcie_switch=2", "hardware.pcie_switch=50 GB/s",
     "hardware.host_dram=ddr5_4800", "hardware.storage_dram=100 GB/s"},
    {"hardware.storage_nic=nvme_ssd", "hardware.gpu.pcie=pcie5_copy_kernel"},
    {"memory.gpu=auto", "memory.host=77 blocks", "memory.storage_extent=8"},
    {"topology.storage_nodes=3", "memory.storage_replicas=2", "simulation.fetch_timeout=300 ms",
     "faults=[{node: 1, kind: down, at: 5 ms}, {node: 2, kind: slow, at: 0 s, until: 9 ms, factor: "
     "0.25}, {node: 2, kind: slow, at: 9 ms, until: 1 s, factor: 1}]"},
    {"allow_unphysical=true", "hardware.nic.bandwidth=1 TB/s"},
    {"simulation={flow_backend: simgrid, granularity: block, decode: step, warm_up: 3 s, "
     "time_limit: 90 s, timeline: false, event_log: true, truth_noise: 0.1}"},
    {"description=\"a: \\\"quoted\\\" # text\"", "seed=7", "routing=round_robin"},
    {"workload={synthetic: {arrival: {kind: gamma, rate: 2 /s, cv: 3}, count: 9, query: 5, output: "
     "{kind: uniform, low: 1, high: 9}, context: {kind: lognormal, mean: 900, cv: 0.3, high: "
     "4000}, contexts: 3, hit_fractions: [25 %, 1]}}"},
    {"workload={synthetic: {arrival: {kind: mmpp, rates: [1 /s, 9 /s], dwell: [10 s, 1 s]}, "
     "duration: 20 s, query: {kind: empirical, values: [3, 5]}, output: 1, shared_prefix: 700}}"},
    {"workload={synthetic: {base: loogle, count: 6}}"},
    {"workload={synthetic: {arrival: {kind: servegen, file: "
     "data/traces/servegen_deepseek-r1_arrivals.csv.gz, rate: 3 /s}, count: 5, query: 64, output: "
     "4, context: {kind: empirical, file: data/traces/AzureLLMInferenceTrace_code.csv.gz, column: "
     "input}}}"},
    {"workload={trace: {file: data/traces/agentic_coding_weka_small48.tsv.gz, play: closed_loop, "
     "closed: {live_sessions: 3, max_sessions: 4, start_jitter: 2 s, over_context: drop}}}"},
};

TEST(Resolved, EveryChoiceReloadsToTheSameScenario) {
  for (const auto& overrides : variants) {
    SCOPED_TRACE(overrides.front());
    const Scenario scenario = load_small(overrides);
    expect_same(scenario, load_scenario_text(scenario.resolved_yaml, "resolved.yaml"));
  }
}

TEST(Resolved, EveryEngineReloadsToTheSameScenario) {
  for (const EngineRow& row : list_engines(default_search_path())) {
    SCOPED_TRACE(row.name);
    const Scenario scenario = load_small({"engine=" + row.name});
    expect_same(scenario, load_scenario_text(scenario.resolved_yaml, "resolved.yaml"));
  }
}

// Short forms, and keys that stand for others, never come back.
const std::set<std::string> input_only = {"every_engine",
                                          "engine.order",
                                          "engine.description",
                                          "model.source",
                                          "model.note",
                                          "hardware.nic",
                                          "hardware.gpu.pcie.name",
                                          "hardware.gpu.pcie.source",
                                          "hardware.serving_nic.name",
                                          "hardware.serving_nic.source",
                                          "hardware.storage_nic.name",
                                          "hardware.storage_nic.source",
                                          "hardware.gpu.interference.source",
                                          "workload.synthetic.base",
                                          "workload.requests.*",
                                          "hardware.gpu.pcie.curve",
                                          "hardware.serving_nic.curve",
                                          "hardware.storage_nic.curve",
                                          "workload.trace",
                                          "workload.synthetic",
                                          "hardware.gpu.kernel_tables",
                                          "slo.ttft.fixed",
                                          "slo.ttft.low_load_multiple"};

TEST(Resolved, SaysEveryKeyThatItsReaderKnows) {
  const std::string text = load_small().resolved_yaml;
  const YamlSection root = YamlSection::load_text(text, "resolved.yaml");
  for (const std::string& path : known_keys(text, "resolved.yaml")) {
    if (input_only.contains(path) || path.find('*') != std::string::npos) continue;
    YamlSection section = root;
    std::string rest = path;
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      section = section.section(rest.substr(0, dot));
      rest = rest.substr(dot + 1);
    }
    EXPECT_TRUE(section.has(rest)) << path;
  }
}

TEST(Documentation, ExplainsEveryKey) {
  const std::string page = text_of(std::string(CALVO_SOURCE_DIR) + "/docs/scenario.md");
  std::set<std::string> keys;
  const auto add = [&](const std::string& text, const LoadOptions& options) {
    for (const std::string& key : known_keys(text, "s.yaml", options)) keys.insert(key);
  };
  for (const auto& overrides : variants) {
    add(small_scenario, with(overrides));
    add(load_small(overrides).resolved_yaml, {});
  }
  EXPECT_GT(keys.size(), 150U);
  for (std::string key : keys) {
    // One table explains the parts that stand in several places.
    for (const char* link : {"hardware.nic.", "hardware.serving_nic.", "hardware.storage_nic.",
                             "hardware.gpu.pcie."}) {
      if (key.starts_with(link)) key = "LINK." + key.substr(std::string(link).size());
    }
    for (const char* length : {"shared_prefix", "context", "query", "output"}) {
      const std::string prefix = std::string("workload.synthetic.") + length + ".";
      if (key.starts_with(prefix)) key = "LENGTH." + key.substr(prefix.size());
    }
    // A GPU's quantity may be {value, source}, which the page says once.
    if (key.starts_with("hardware.gpu.") && key.ends_with(".value")) continue;
    if (key.starts_with("hardware.gpu.") && key.ends_with(".source")) continue;
    EXPECT_TRUE(page.find("`" + key + "`") != std::string::npos) << key;
  }
}

TEST(Documentation, NamesEveryValueOfASwitch) {
  const std::string page = text_of(std::string(CALVO_SOURCE_DIR) + "/docs/scenario.md");
  const auto check = [&](std::span<const std::string_view> names) {
    for (const std::string_view name : names) {
      EXPECT_TRUE(page.find("`" + std::string(name) + "`") != std::string::npos) << name;
    }
  };
  using namespace control;
  check(names<Coupling>());
  check(names<NetworkStart>());
  check(names<PcieStart>());
  check(names<GpuMemory>());
  check(names<NoSpace>());
  check(names<LoadAdmission>());
  check(names<LoadStop>());
  check(names<Cut>());
  check(names<StepWaitsFor>());
  check(names<CompletionSeen>());
  check(names<Preempt>());
  check(names<Write>());
  check(names<Restore>());
}

}  // namespace
}  // namespace calvo::scenarios
