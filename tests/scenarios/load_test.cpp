#include "scenarios/load.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/catalogue.hpp"
#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

namespace fs = std::filesystem;

TEST(LoadScenario, DerivesBlocksFromBytes) {
  const Scenario scenario = load_small();
  // Llama-3.1-8B: 2 x 8 heads x 128 values x 32 layers x 2 B = 128 KiB a token.
  EXPECT_EQ(scenario.instance.block_bytes, Bytes{32LL << 20});
  EXPECT_EQ(scenario.instance.gpu_blocks, 128);
  EXPECT_EQ(scenario.instance.host_blocks, 256);
  EXPECT_EQ(scenario.remote_blocks, 512);
}

TEST(LoadScenario, AutoIsTheUsableMemoryWithoutTheWeights) {
  const Scenario scenario = load_small({"memory.gpu=auto", "engine.tensor_parallel=2"});
  const double usable = 0.9 * 2 * static_cast<double>(scenario.gpu.memory.count());
  const double kv = usable - static_cast<double>(scenario.model.weight_bytes().count());
  EXPECT_EQ(scenario.instance.gpu_blocks, static_cast<std::int64_t>(std::floor(kv / (32 << 20))));
  EXPECT_GT(scenario.instance.gpu_blocks, 4000);
}

TEST(LoadScenario, ScalesAModelWhoseLayersItChangesAndSaysSoInItsName) {
  const std::string two = "engine.tensor_parallel=2";  // GPUs, for its weights
  const models::ModelShape whole = load_small({"model=Llama-3.1-70B", two}).model;
  for (const char* set : {"model={base: Llama-3.1-70B, layers: 20}", "model.layers=20"}) {
    const models::ModelShape part = load_small({"model=Llama-3.1-70B", set}).model;
    EXPECT_EQ(part.name, "Llama-3.1-70B, 20 of 80 layers");
    EXPECT_EQ(part.layers, 20);
    EXPECT_EQ(part.dense_layers, 20);
    EXPECT_EQ(part.hidden, whole.hidden);
    const double outside = 2e-9 * whole.vocab * whole.hidden;  // embedding and head
    EXPECT_NEAR(part.params_billion, outside + (whole.params_billion - outside) / 4, 0.01);
    EXPECT_LT(part.active_params_billion, whole.active_params_billion / 3);
  }
  const models::ModelShape own =
      load_small({"model={base: Llama-3.1-70B, name: mine, layers: 20, dense_layers: 20, "
                  "parameters: 19, active_parameters: 18}"})
          .model;
  EXPECT_EQ(own.name, "mine");
  EXPECT_EQ(own.params_billion, 19);
  EXPECT_EQ(load_small({"model={base: Llama-3.1-70B, layers: 80}", two}).model.name,
            "Llama-3.1-70B");
  EXPECT_THAT(error_of(small_scenario, {"model={base: Llama-3.1-70B, layers: many}"}),
              ::testing::HasSubstr("model.layers: \"many\" is not a whole number"));
}

TEST(LoadScenario, TakesBlocksAndNoneAsSizes) {
  const Scenario scenario = load_small({"memory.gpu=70 blocks", "memory.host=9 blocks"});
  EXPECT_EQ(scenario.instance.gpu_blocks, 70);
  EXPECT_EQ(scenario.instance.host_blocks, 9);
  const Scenario recompute = load_small({"engine=recompute_only", "memory.host=none"});
  EXPECT_EQ(recompute.instance.host_blocks, 0);
}

TEST(LoadScenario, GivesEveryRequestItsIsolatedTtftAndDeadline) {
  const Scenario scenario = load_small({"hardware.nic={bandwidth: 10 GB/s}",
                                        "hardware.gpu={base: H100, pcie: {latency: 0 s, "
                                        "per_operation: 0 s, bandwidth: 20 GB/s, curve: []}}",
                                        "topology.round_trip=0 s", "slo.ttft={factor: [4]}"});
  const auto requests = scenario.workload->requests();
  ASSERT_EQ(requests.size(), 2U);
  // 16 blocks, the network being the slower stage, then one block's copy; then the prefill.
  const double block = 32.0 * (1 << 20);
  const double expected = 16 * block / 10e9 + block / 20e9 + 5e-3 + 64 * 50e-6;
  EXPECT_NEAR(to_seconds(requests[0].isolated_ttft).count(), expected, 1e-9);
  EXPECT_EQ(requests[0].deadline, 4 * requests[0].isolated_ttft);
}

TEST(LoadScenario, DeadlinesDoNotDependOnTheEngine) {
  const Scenario calvo = load_small();
  for (const EngineRow& row : list_engines(default_search_path())) {
    const Scenario other = load_small({"engine=" + row.name, "engine.costs.step=3 ms"});
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(other.workload->requests()[i].deadline, calvo.workload->requests()[i].deadline);
      EXPECT_EQ(other.workload->requests()[i].isolated_ttft,
                calvo.workload->requests()[i].isolated_ttft);
    }
  }
}

TEST(LoadScenario, KnowsTheThreeObjectivesAndNone) {
  const auto deadline = [](const std::string& ttft) {
    const Scenario scenario = load_small({"slo={ttft: " + ttft + "}"});
    return scenario.workload->requests()[0].deadline;
  };
  EXPECT_EQ(deadline("none"), Nanoseconds::max());
  EXPECT_EQ(deadline("{fixed: 2 s}"), std::chrono::seconds(2));
  const Nanoseconds single = deadline("{low_load_multiple: 1}");
  EXPECT_GT(single.count(), 0);
  EXPECT_EQ(deadline("{low_load_multiple: 3}"), 3 * single);
  EXPECT_EQ(load_small({"slo={tpot: 50 ms}"}).slo_tpot_s, 0.05);
  EXPECT_EQ(load_small({"slo={tpot: none}"}).slo_tpot_s, 0);
}

TEST(LoadScenario, TheSeedOptionWins) {
  LoadOptions options = with({"seed=5"});
  EXPECT_EQ(load_scenario_text(small_scenario, "s.yaml", options).seed, 5U);
  options.seed = 9;
  EXPECT_EQ(load_scenario_text(small_scenario, "s.yaml", options).seed, 9U);
}

TEST(LoadScenario, EstimatesAreNotTheTruth) {
  const models::Work work{Tokens{4096}, Tokens{0}, Tokens{0}, Tokens{64}};
  const auto compute = [&](const std::string& model) {
    return load_small({"estimates={" + model + "}"}).estimates->compute(work).count();
  };
  const double rich = compute("model: rich");
  EXPECT_NEAR(rich, 5e-3 + 64 * 50e-6, 1e-12);
  EXPECT_NEAR(compute("model: linear"), rich, 0.01 * rich) << "the truth is a line: so is its fit";
  EXPECT_DOUBLE_EQ(compute("model: linear, compute_per_token: 1 ms, compute_fixed: 2 ms"), 0.066);
  EXPECT_DOUBLE_EQ(compute("model: perturbed, bias: 2"), 2 * rich);
  EXPECT_NE(compute("model: perturbed, spread: 0.5"), rich);
  EXPECT_NE(compute("model: scrambled"), rich);
}

TEST(LoadScenario, TruthComesFromTablesRooflineOrLines) {
  const auto prefill = [](const std::string& truth) {
    return load_small({"truth={compute: " + truth + "}"})
        .truth->prefill(Tokens{4096}, Tokens{0})
        .count();
  };
  EXPECT_DOUBLE_EQ(prefill("linear, per_token: 1 ms, decode_fixed: 1 ms"), 4.096);
  EXPECT_NE(prefill("tables"), prefill("roofline"));
  EXPECT_NEAR(prefill("tables"), prefill("roofline"), 0.6 * prefill("tables"));
}

class ScenarioFiles : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("calvo_load_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_ / "traces");
    std::ofstream(folder_ / "traces" / "t.jsonl")
        << R"({"timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [0, 1]})"
        << "\n";
    std::string text = small_scenario;
    text.replace(text.find("  requests:"), text.find("truth:") - text.find("  requests:"),
                 "  trace: {file: traces/t.jsonl}\n");
    std::ofstream(folder_ / "s.yaml") << text;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(ScenarioFiles, APathStartsFromTheScenario) {
  const Scenario scenario = load_scenario((folder_ / "s.yaml").string());
  EXPECT_EQ(scenario.workload->requests().size(), 1U);
  EXPECT_THAT(scenario.resolved_yaml,
              testing::HasSubstr("file: " + (folder_ / "traces/t.jsonl").string()));
}

TEST_F(ScenarioFiles, APathUnderADataFolderIsWrittenAsSuch) {
  LoadOptions options;
  options.search.roots.insert(options.search.roots.begin(), folder_.string());
  const Scenario scenario = load_scenario((folder_ / "s.yaml").string(), options);
  EXPECT_THAT(scenario.resolved_yaml, testing::HasSubstr("file: traces/t.jsonl\n"));
}

TEST_F(ScenarioFiles, APathInAnOverrideStartsFromTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_ / "traces");
  const Scenario scenario = load_scenario("../s.yaml", with({"workload.trace.file=t.jsonl"}));
  fs::current_path(before);
  EXPECT_EQ(scenario.workload->requests().size(), 1U);
}

}  // namespace
}  // namespace calvo::scenarios
