// What a user can get wrong in a scenario, and what the program says to it.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

TEST(BadScenario, TheSmallScenarioItselfIsGood) {
  EXPECT_EQ(error_of(small_scenario), "no error");
}

TEST(BadScenario, UnknownKey) {
  EXPECT_EQ(error_of(changed("block_tokens:", "block_token:")),
            "s.yaml:8:1: block_token: unknown key (did you mean \"block_tokens\"?)");
  EXPECT_EQ(error_of(changed("kind: star", "kind: star, nodes: 3")),
            "s.yaml:7:24: topology.nodes: unknown key (one of: kind, serving_nodes, "
            "instances_per_node, storage_nodes, nics_per_serving_node, nics_per_storage_node, "
            "round_trip, gpus_per_pcie_switch)");
  EXPECT_EQ(error_of(changed("output: 2", "ouput: 2")),
            "s.yaml:12:43: workload.requests.0.ouput: unknown key (did you mean \"output\"?)");
}

TEST(BadScenario, NumberWithoutUnit) {
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: 8")),
            "s.yaml:9:28: memory.host: missing unit in \"8\" (one of: B, kB, MB, GB, TB, KiB, MiB, "
            "GiB, TiB)");
}

TEST(BadScenario, WrongUnit) {
  EXPECT_EQ(error_of(changed("at: 5 ms", "at: 5 GB/s")),
            "s.yaml:13:12: workload.requests.1.at: unknown unit \"GB/s\" in \"5 GB/s\" (one of: "
            "ns, us, ms, s, min, h)");
}

TEST(BadScenario, NegativeBandwidth) {
  EXPECT_EQ(error_of(changed("nic: rdma_100g", "nic: {bandwidth: -12 GB/s}")),
            "s.yaml:6:20: hardware.nic.bandwidth: \"-12 GB/s\" is negative (expected a rate like "
            "400 Gbit/s)");
}

TEST(BadScenario, NotANumber) {
  EXPECT_EQ(error_of(changed("at: 5 ms", "at: .nan")),
            "s.yaml:13:12: workload.requests.1.at: \".nan\" is not a finite number (expected a "
            "time like 2.5 ms)");
}

TEST(BadScenario, MoreReplicasThanStorageNodes) {
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: 8 GiB, storage_replicas: 2")),
            "s.yaml:9:53: memory.storage_replicas: \"2\" copies of a block need as many storage "
            "nodes, and there are 1; lower it, or raise topology.storage_nodes");
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: 8 GiB, storage_replicas: 0")),
            "s.yaml:9:53: memory.storage_replicas: \"0\" is out of range (must be at "
            "least 1)");
}

std::string fault_error(const std::string& faults) {
  return error_of(small_scenario + "faults:\n" + faults);
}

TEST(BadScenario, FaultOfANodeThatIsNotThere) {
  EXPECT_EQ(fault_error("  - {node: 1, kind: down, at: 1 s}\n"),
            "s.yaml:16:12: faults.0.node: \"1\" is no storage node (expected 0 to 0, as "
            "topology.storage_nodes has it)");
  EXPECT_EQ(fault_error("  - {kind: down, at: 1 s}\n"),
            "s.yaml:16:5: faults.0.node: missing; add \"node: ...\"");
}

TEST(BadScenario, FaultOfAKindThatIsNotKnown) {
  EXPECT_EQ(fault_error("  - {node: 0, kind: drown, at: 1 s}\n"),
            "s.yaml:16:21: faults.0.kind: unknown kind of fault \"drown\" (did you mean "
            "\"down\"?)");
}

TEST(BadScenario, FaultThatEndsBeforeItBegins) {
  EXPECT_EQ(fault_error("  - {node: 0, kind: down, at: 2 s, until: 2 s}\n"),
            "s.yaml:16:43: faults.0.until: \"2 s\" is not after \"at: 2 s\"; leave it out for a "
            "fault that stays");
}

TEST(BadScenario, FactorOfAFault) {
  EXPECT_EQ(fault_error("  - {node: 0, kind: down, at: 2 s, factor: 0.5}\n"),
            "s.yaml:16:44: faults.0.factor: has no meaning where kind is down; leave it out");
  EXPECT_EQ(fault_error("  - {node: 0, kind: slow, at: 2 s}\n"),
            "s.yaml:16:5: faults.0.factor: missing; add \"factor: ...\"");
  EXPECT_EQ(fault_error("  - {node: 0, kind: slow, at: 2 s, factor: 0}\n"),
            "s.yaml:16:44: faults.0.factor: \"0\" is out of range (must be above 0)");
  EXPECT_EQ(fault_error("  - {node: 0, kind: slow, at: 2 s, factor: 4}\n"),
            "s.yaml:16:44: faults.0.factor: \"4\" is out of range (must be at most 1)");
}

TEST(BadScenario, TwoFaultsAtOnce) {
  EXPECT_EQ(fault_error("  - {node: 0, kind: down, at: 1 s, until: 3 s}\n"
                        "  - {node: 0, kind: slow, at: 2 s, factor: 0.5}\n"
                        "  - {node: 0, kind: down, at: 2 s}\n"),
            "s.yaml:18:31: faults.2.at: \"2 s\" lies within faults.0, of the same kind on the same "
            "node; end one before the other begins");
  EXPECT_EQ(fault_error("  - {node: 0, kind: down, at: 1 s}\n"
                        "  - {node: 0, kind: down, at: 0 s, until: 1 s}\n"),
            "no error");
}

TEST(BadScenario, LinkFasterThanPhysics) {
  const std::string text = changed("nic: rdma_100g", "nic: {bandwidth: 20 TB/s}");
  EXPECT_EQ(error_of(text),
            "s.yaml:6:20: hardware.nic.bandwidth: \"20 TB/s\" is 100 times what a NIC can carry "
            "(at most 1600 Gbit/s, IEEE 802.3dj); correct the rate or its unit, or set "
            "\"allow_unphysical: true\" at the top of the scenario");
  EXPECT_EQ(error_of("allow_unphysical: true\n" + text), "no error");
  EXPECT_EQ(error_of(changed("gpu: H100", "gpu: {base: H100, pcie: {bandwidth: 5250 GB/s}}")),
            "s.yaml:5:39: hardware.gpu.pcie.bandwidth: \"5250 GB/s\" is 11.7 times what a GPU's "
            "link to its host can carry (at most 450 GB/s, NVLink-C2C; PCIe 6.0 x16 has 128 GB/s); "
            "correct the rate or its unit, or set \"allow_unphysical: true\" at the top of the "
            "scenario");
  EXPECT_THAT(error_of(changed("nic: rdma_100g", "nic: rdma_100g\n  host_dram: 30 TB/s")),
              testing::StartsWith("s.yaml:7:14: hardware.host_dram: \"30 TB/s\" is 15 times what "
                                  "the DRAM of a host can carry"));
}

TEST(BadScenario, UnknownEngine) {
  EXPECT_EQ(error_of(changed("engine: calvo", "engine: vlm_sync")),
            "s.yaml:2:9: engine: unknown engine \"vlm_sync\" (did you mean \"vllm_sync\"?)");
  std::string known;
  for (const EngineRow& row : list_engines(default_search_path())) {
    known += (known.empty() ? "" : ", ") + row.name;
  }
  EXPECT_EQ(error_of(changed("engine: calvo", "engine: orca")),
            "s.yaml:2:9: engine: unknown engine \"orca\" (one of: " + known + ")");
}

TEST(BadScenario, UnknownModel) {
  EXPECT_EQ(error_of(changed("Llama-3.1-8B", "Lama-3.1-8B")),
            "s.yaml:3:8: model: unknown model \"Lama-3.1-8B\" (did you mean \"Llama-3.1-8B\"?)");
}

TEST(BadScenario, UnknownHardware) {
  EXPECT_EQ(error_of(changed("gpu: H100", "gpu: H1000")),
            "s.yaml:5:8: hardware.gpu: unknown GPU \"H1000\" (did you mean \"H100\" or "
            "\"H200\"?)");
  EXPECT_THAT(error_of(changed("nic: rdma_100g", "nic: rdma")),
              testing::StartsWith("s.yaml:6:8: hardware.nic: unknown NIC \"rdma\" (did you mean"));
}

TEST(BadScenario, UnknownSwitchAndOrder) {
  EXPECT_EQ(error_of(changed("engine: calvo", "engine: {base: calvo, cut: nver}")),
            "s.yaml:2:28: engine.cut: unknown cut \"nver\" (did you mean \"never\"?)");
  EXPECT_EQ(error_of(changed("engine: calvo", "engine: {base: calvo, pcie_order: lsft}")),
            "s.yaml:2:35: engine.pcie_order.policy: unknown order \"lsft\" (did you mean "
            "\"lstf\"?)");
}

TEST(BadScenario, UnknownRouting) {
  EXPECT_EQ(error_of(small_scenario + "routing: random\n"),
            "s.yaml:15:10: routing: unknown routing \"random\" (one of: round_robin, "
            "least_loaded, cache_aware)");
}

TEST(BadScenario, BlockLargerThanATier) {
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: 31 MiB")),
            "s.yaml:9:28: memory.host: a block of 256 tokens takes 32 MiB, more than the tier's 31 "
            "MiB; lower block_tokens or give the tier more memory");
  EXPECT_EQ(error_of(changed("gpu: 4 GiB", "gpu: 1 MiB")),
            "s.yaml:9:15: memory.gpu: a block of 256 tokens takes 32 MiB, more than the tier's 1 "
            "MiB; lower block_tokens or give the tier more memory");
  EXPECT_EQ(error_of(changed("remote: 16 GiB", "remote: 16 MiB")),
            "s.yaml:9:43: memory.remote: a block of 256 tokens takes 32 MiB, more than the tier's "
            "16 MiB; lower block_tokens or give the tier more memory");
}

TEST(BadScenario, ModelThatDoesNotFit) {
  EXPECT_EQ(error_of(changed("memory: {gpu: 4 GiB, ", "memory: {"), {"model=Llama-3.1-70B"}),
            "--set model=Llama-3.1-70B:1:7: model: \"Llama-3.1-70B\" does not fit: its weights "
            "take 131.4 GiB, 1 x H100 give 71.68 GiB; set engine.tensor_parallel to at least 2, or "
            "a GPU with more memory");
  EXPECT_EQ(error_of(changed("gpu: 4 GiB", "gpu: 70 GiB")),
            "s.yaml:9:15: memory.gpu: 70 GiB of KV and 14.96 GiB of weights are more than 1 x H100 "
            "have, 79.65 GiB; lower it, write auto, or raise engine.tensor_parallel");
}

TEST(BadScenario, LoadingWithoutAHostTier) {
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: none")),
            "s.yaml:9:28: memory.host: engine \"calvo\" loads from the remote pool through host "
            "memory, and there is none; give a size like 64 GiB, or set engine.restore to "
            "recompute_all");
  EXPECT_EQ(error_of(changed("host: 8 GiB", "host: none"), {"engine=recompute_only"}), "no error");
}

TEST(BadScenario, GpusThatDoNotDivideTheModel) {
  EXPECT_EQ(error_of(small_scenario, {"engine.tensor_parallel=3"}),
            "--set engine.tensor_parallel=3:1:24: engine.tensor_parallel: \"3\" does not divide "
            "the 32 attention heads of Llama-3.1-8B");
}

TEST(BadScenario, WorkloadThatIsNoneOrTwo) {
  EXPECT_EQ(error_of(changed("  requests:\n", "  synthetic: {count: 1}\n  requests:\n")),
            "s.yaml:13:5: workload.requests: a workload is one of trace, synthetic and requests; "
            "keep one of \"synthetic\" and \"requests\"");
  EXPECT_EQ(error_of("model: Llama-3.1-8B\nhardware: {gpu: H100, nic: rdma_100g}\nworkload: {}\n"),
            "s.yaml:3:11: workload: says no workload; add one of trace, synthetic and requests");
}

TEST(BadScenario, OptionsThatDoNotGoTogether) {
  EXPECT_EQ(error_of(small_scenario, {"topology.kind=leaf_spine"}),
            "s.yaml:7:11: topology.nodes_per_leaf: missing; a leaf-spine network needs the number "
            "of nodes below a leaf");
  EXPECT_EQ(error_of(small_scenario, {"hardware.pcie_switch=55 GB/s"}),
            "--set hardware.pcie_switch=55 GB/s:1:22: hardware.pcie_switch: without effect; set "
            "topology.gpus_per_pcie_switch as well");
  EXPECT_EQ(error_of(small_scenario, {"truth={compute: linear}"}),
            "--set truth={compute: linear}:1:7: truth.prefill_fixed: a prompt takes no time; set "
            "prefill_fixed or per_token");
}

TEST(BadScenario, WorkloadOptionsAreReportedAtTheirPlace) {
  const std::string text = changed(
      "  requests:\n    - {at: 0 s, context: 4096, query: 64, "
      "output: 2}\n    - {at: 5 ms, context: 1024, query: 32}\n",
      "  synthetic:\n    arrival: {kind: mmpp, rates: [1 /s]}\n"
      "    count: 4\n    query: 8\n    output: 1\n");
  EXPECT_EQ(error_of(text),
            "s.yaml:12:34: workload.synthetic.arrival.rates: needs at least two states");
}

/// The small scenario with a synthetic workload, from line 11 on.
std::string synthetic(const std::string& lines) {
  return changed(
      "  requests:\n    - {at: 0 s, context: 4096, query: 64, "
      "output: 2}\n    - {at: 5 ms, context: 1024, query: 32}\n",
      "  synthetic:\n" + lines);
}

TEST(BadScenario, RatesWhoseDatesNoRunHolds) {
  for (const std::string rate : {"1e-9", "1e-300"}) {
    const std::string error =
        error_of(synthetic("    arrival: {kind: uniform, rate: " + rate + " /s}\n    count: 4\n"));
    EXPECT_THAT(error, testing::StartsWith("s.yaml:12:36: workload.synthetic.arrival.rate: puts a "
                                           "request at 1e+"));
    EXPECT_THAT(error, testing::EndsWith(" s, beyond the longest run, 8388608 s (97 days); raise "
                                         "it, or lower synthetic.count"));
  }
  EXPECT_EQ(error_of(synthetic("    arrival: {kind: uniform, rate: 1e-6 /s}\n    count: 9\n")),
            "no error");
  EXPECT_EQ(error_of(small_scenario, {"simulation.time_limit=1e10 s"}),
            "--set simulation.time_limit=1e10 s:1:23: simulation.time_limit: \"1e10 s\" is longer "
            "than the longest run, 8388608 s (97 days)");
  EXPECT_EQ(error_of(small_scenario, {"slo.ttft={fixed: 1e300 s}"}),
            "--set slo.ttft={fixed: 1e300 s}:1:18: slo.ttft.fixed: \"1e300 s\" is longer than the "
            "longest run, 8388608 s (97 days)");
}

TEST(BadScenario, LengthsAndHitsThatAreNone) {
  EXPECT_EQ(error_of(synthetic("    count: 4\n    query: 0\n")),
            "s.yaml:13:12: workload.synthetic.query: must be at least 1, is \"0\"");
  EXPECT_EQ(error_of(synthetic("    count: 4\n    output: {kind: lognormal, mean: 0.5}\n")),
            "s.yaml:13:37: workload.synthetic.output.mean: must be at least 1, is \"0.5\"");
  EXPECT_EQ(error_of(synthetic("    count: 4\n    hit_fractions: []\n")),
            "s.yaml:13:20: workload.synthetic.hit_fractions: is empty; write shares like [0.5, 1], "
            "or none");
  EXPECT_EQ(error_of(synthetic("    base: icl\n    hit_fractions: none\n")), "no error");
}

TEST(BadScenario, EveryRequestLongerThanTheContext) {
  EXPECT_EQ(
      error_of(changed("context: 4096", "context: 200000"), {"workload.requests.1.context=150000"}),
      "s.yaml:11:3: workload: every request is longer than the context of \"Llama-3.1-8B\", "
      "131072 tokens; take another model or raise model.max_context");
  EXPECT_EQ(error_of(changed("context: 4096", "context: 200000")), "no error");
}

TEST(BadScenario, MissingParts) {
  EXPECT_EQ(error_of("name: x\n"), "s.yaml:1:1: model: missing; add \"model: ...\"");
  EXPECT_EQ(error_of("model: Llama-3.1-8B\n"),
            "s.yaml:1:1: hardware: missing; add \"hardware: ...\"");
  EXPECT_EQ(error_of(changed("  nic: rdma_100g\n", "")),
            "s.yaml:5:3: hardware.serving_nic: missing; add \"serving_nic: ...\"");
}

TEST(BadScenario, TraceThatDoesNotExist) {
  const std::string error =
      error_of(changed("  requests:\n    - {at: 0 s, context: 4096, query: 64, output: 2}\n    - "
                       "{at: 5 ms, context: 1024, query: 32}\n",
                       "  trace: {file: nope.jsonl}\n"));
  EXPECT_THAT(error,
              testing::StartsWith(
                  "s.yaml:11:17: workload.trace.file: no file \"nope.jsonl\" (looked in ., "));
  EXPECT_THAT(error, testing::EndsWith("); give its path from the scenario's folder"));
}

TEST(BadScenario, FileThatIsADirectoryOrMissing) {
  const auto error = [](const std::string& file) {
    try {
      load_scenario(file);
    } catch (const InputError& problem) {
      return std::string(problem.what());
    }
    return std::string("no error");
  };
  const std::string folder = std::string(CALVO_SOURCE_DIR) + "/scenarios";
  EXPECT_EQ(error(folder), folder + ":0:0: is a directory; name a YAML file in it");
  EXPECT_EQ(error("nope.yaml"), "nope.yaml:0:0: no such file; check the path");
  const std::string wide = testing::TempDir() + "wide-" + std::to_string(::getpid()) + ".yaml";
  std::ofstream(wide, std::ios::binary) << std::string("\xff\xfen\0a\0", 6);
  EXPECT_EQ(error(wide), wide + ":0:0: is UTF-16; save it as UTF-8");
  std::filesystem::remove(wide);
}

TEST(BadScenario, DataFolderThatIsNone) {
  ASSERT_EQ(setenv("CALVO_DATA", "/nonexistent", 1), 0);
  std::string error = "no error";
  try {
    default_search_path();
  } catch (const InputError& problem) {
    error = problem.what();
  }
  unsetenv("CALVO_DATA");
  EXPECT_EQ(error,
            "$CALVO_DATA:0:0: \"/nonexistent\" is not a folder; name the one that holds "
            "scenarios/ and data/");
}

TEST(BadScenario, NoCatalogueInAnyFolder) {
  LoadOptions options;
  options.search.roots = {testing::TempDir()};
  try {
    load_scenario_text(small_scenario, "s.yaml", options);
    FAIL() << "loaded without a catalogue";
  } catch (const InputError& problem) {
    EXPECT_EQ(std::string(problem.what()),
              "scenarios/catalogue/hardware.yaml:0:0: no such file in any data folder (" +
                  testing::TempDir() +
                  "); set CALVO_DATA to the folder that holds scenarios/ and data/");
  }
}

}  // namespace
}  // namespace calvo::scenarios
