// The oracle through everything: storage nodes, network, host tier, PCIe, page tables, kernels.
#include <gtest/gtest.h>

#include "tests/gpu/devices/cuda_shapes.hpp"
#include "tests/realrun/devices/device_under_test.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

using Overrides = std::vector<std::string>;

struct Blocks {
  int tokens = 16;
};

Overrides overrides_for(const Blocks& blocks, const std::string& engine) {
  const std::string factor = blocks.tokens == 16 ? "1 MiB" : "8 MiB";
  return {"engine=" + engine,
          "block_tokens=" + std::to_string(blocks.tokens),
          "model={name: small, layers: 2, hidden: 256, q_heads: 4, kv_heads: 2, head_dim: 64, "
          "dense_ffn: 512, vocab: 97, dense_layers: 2, max_context: 4096, parameters: 0.002, "
          "active_parameters: 0.002}",
          "memory={gpu: " + factor + ", host: " + factor + ", remote: 64 MiB, storage_extent: 4}",
          "workload.synthetic.count=12",
          "workload.synthetic.shared_prefix=300",
          "workload.synthetic.context={kind: uniform, low: 200, high: 700}",
          "workload.synthetic.query={kind: uniform, low: 1, high: 400}"};
}

RealrunResult run(const Nodes& nodes, const Overrides& overrides, const std::string& device) {
  scenarios::Scenario scenario = small_scenario(overrides);
  RealrunOptions options = options_for(nodes);
  options.device = device;
  return realrun(scenario, options);
}

/// Everything is computed.
RealrunResult recomputed(const Blocks& blocks, const std::string& device) {
  const Overrides overrides = overrides_for(blocks, "recompute_only");
  const Nodes none(small_scenario(overrides), Nodes::Contents::empty);
  return run(none, overrides, device);
}

double worst_distance(const RealrunResult& a, const RealrunResult& b) {
  EXPECT_EQ(a.logits.size(), b.logits.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(a.logits.size(), b.logits.size()); ++i) {
    worst = std::max(worst, relative_distance(a.logits[i], b.logits[i]));
  }
  return worst;
}

class EngineOracle : public ::testing::TestWithParam<Blocks> {};

TEST_P(EngineOracle, LoadedPrefixesGiveTheLogitsOfAFullRecomputeAndOfTheHost) {
  const RealrunResult reference = recomputed(GetParam(), device_under_test().name);
  EXPECT_LT(worst_distance(reference, recomputed(GetParam(), "host")), bf16_tolerance);
  for (const std::string engine : {"calvo", "vllm_sync"}) {
    for (const bool layers : {false, true}) {
      SCOPED_TRACE(engine + (layers ? " by layers" : ""));
      Overrides overrides = overrides_for(GetParam(), engine);
      if (layers) overrides.emplace_back("engine.step_waits_for=layers");
      const Nodes nodes(small_scenario(overrides), Nodes::Contents::empty);
      run(nodes, overrides, device_under_test().name);
      EXPECT_GT(nodes.stored_blocks(), 0U);
      const RealrunResult loading = run(nodes, overrides, device_under_test().name);
      EXPECT_GT(loading.run.counters.fetched_blocks, 0);
      EXPECT_EQ(loading.load.corrupt_blocks, 0);
      EXPECT_LT(worst_distance(loading, reference), bf16_tolerance);
    }
  }
}

TEST_P(EngineOracle, KvThatWasNotComputedGivesOtherLogits) {
  const Overrides overrides = overrides_for(GetParam(), "calvo");
  const Nodes synthetic(small_scenario(overrides), Nodes::Contents::initial);
  const RealrunResult wrong = run(synthetic, overrides, device_under_test().name);
  EXPECT_GT(wrong.run.counters.fetched_blocks, 0);
  EXPECT_GT(worst_distance(wrong, recomputed(GetParam(), device_under_test().name)),
            10 * bf16_tolerance);
}

INSTANTIATE_TEST_SUITE_P(Blocks, EngineOracle, ::testing::Values(Blocks{16}, Blocks{256}),
                         [](const auto& param) { return std::to_string(param.param.tokens); });

}  // namespace
}  // namespace calvo::realrun::testing
