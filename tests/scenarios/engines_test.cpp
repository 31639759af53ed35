// The named engines, and that YAML reaches every switch.
#include "tests/control/engines.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/names.hpp"
#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

using namespace control;

TEST(Engines, AllNamedOnesLoadAndSayWhatTheyAre) {
  std::vector<std::string> names;
  for (const EngineRow& row : list_engines(default_search_path())) {
    names.push_back(row.name);
    EXPECT_EQ(load_small({"engine=" + row.name}).engine.name, row.name);
    EXPECT_FALSE(row.description.empty()) << row.name;
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"calvo", "calvo_fifo", "calvo_sjf", "early_prefetch",
                                            "recompute_only", "vllm_async_2025", "vllm_sync"}));
}

TEST(Engines, AreTheRowsOfTheirSystems) {
  const auto engine = [](const std::string& name) { return load_small({"engine=" + name}).engine; };
  EXPECT_EQ(engine("recompute_only").restore, Restore::recompute_all);

  const EngineConfig sync = engine("vllm_sync");
  EXPECT_EQ(sync.coupling, Coupling::serial);
  EXPECT_EQ(sync.network_start, NetworkStart::in_step);
  EXPECT_EQ(sync.pcie_start, PcieStart::in_step);
  EXPECT_EQ(sync.concurrent_prefills, 1);

  const EngineConfig async = engine("vllm_async_2025");
  EXPECT_EQ(async.network_start, NetworkStart::at_admission);
  EXPECT_EQ(async.gpu_memory, GpuMemory::at_load_begin);
  EXPECT_EQ(async.completion_seen, CompletionSeen::at_step);
  EXPECT_EQ(async.network_window.operations, unbounded);
  EXPECT_EQ(async.network_window.bytes.count(), unbounded);
  EXPECT_EQ(async.pcie_window.operations, 1);
  EXPECT_EQ(async.token_budget, 8192);

  EXPECT_EQ(engine("early_prefetch").network_start, NetworkStart::first_probe);
  EXPECT_EQ(engine("early_prefetch").prefetch_requests, 8);

  for (const auto& [name, order] :
       {std::pair{"calvo_fifo", "fifo"}, {"calvo_sjf", "sjf_cost"}, {"calvo", "lstf"}}) {
    const EngineConfig calvo = engine(name);
    EXPECT_EQ(calvo.coupling, Coupling::decoupled);
    EXPECT_EQ(calvo.network_start, NetworkStart::on_arrival);
    EXPECT_EQ(calvo.pcie_start, PcieStart::on_landing);
    EXPECT_EQ(calvo.gpu_memory, GpuMemory::at_network_issue);
    EXPECT_EQ(calvo.completion_seen, CompletionSeen::at_event);
    for (const OrderChoice& stage : {calvo.network_order, calvo.pcie_order, calvo.prefill_order}) {
      EXPECT_EQ(stage.policy, order);
      EXPECT_EQ(stage.ageing, 0);
    }
  }
}

/// Switches and orders, without windows, budgets and times.
std::vector<std::string> switches_of(const EngineConfig& e) {
  const auto text = [](auto value) { return std::string(name_of(value)); };
  return {
      text(e.coupling),      text(e.network_start),  text(e.pcie_start),      text(e.gpu_memory),
      text(e.no_space),      text(e.load_admission), text(e.load_stop),       text(e.late),
      text(e.cut),           text(e.step_waits_for), text(e.completion_seen), text(e.preempt),
      text(e.write),         text(e.restore),        e.network_order.policy,  e.pcie_order.policy,
      e.prefill_order.policy};
}

TEST(Engines, OfTheControlPlanesTestsHaveTheSwitchesOfTheShippedOnes) {
  std::size_t compared = 0;
  for (const EngineRow& row : list_engines(default_search_path())) {
    for (const EngineConfig& tried : named_engines()) {
      if (tried.name != row.name) continue;
      EXPECT_EQ(switches_of(tried), switches_of(load_small({"engine=" + row.name}).engine))
          << row.name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 12U);
}

// Every value of every enum, through YAML, arrives in the field.
template <class Enum>
void expect_reachable(const std::string& key, Enum EngineConfig::*field,
                      std::vector<std::string> besides = {}) {
  const auto all = names_of<Enum>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::string> overrides = besides;
    overrides.push_back("engine." + key + "=" + std::string(all[i]));
    const Scenario scenario = load_small(overrides);
    EXPECT_EQ(scenario.engine.*field, static_cast<Enum>(i)) << key << " " << all[i];
  }
}

TEST(Engines, EverySwitchIsReachableFromYaml) {
  expect_reachable("coupling", &EngineConfig::coupling);
  expect_reachable("network_start", &EngineConfig::network_start);
  expect_reachable("pcie_start", &EngineConfig::pcie_start);
  expect_reachable("gpu_memory", &EngineConfig::gpu_memory);
  expect_reachable("no_space", &EngineConfig::no_space);
  expect_reachable("load_admission", &EngineConfig::load_admission);
  expect_reachable("load_stop", &EngineConfig::load_stop, {"engine.pcie_start=at_batch"});
  expect_reachable("cut", &EngineConfig::cut);
  expect_reachable("step_waits_for", &EngineConfig::step_waits_for);
  expect_reachable("completion_seen", &EngineConfig::completion_seen);
  expect_reachable("preempt", &EngineConfig::preempt);
  expect_reachable("write", &EngineConfig::write);
  expect_reachable("restore", &EngineConfig::restore);
}

TEST(Engines, ALoadStopThatNoStepComesUponIsRefused) {
  try {
    load_small({"engine.load_stop=timeout"});
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "--set engine.load_stop=timeout:1:18: engine.load_stop: \"timeout\" has no effect "
                 "on this engine; write wait, or set pcie_start to at_batch and network_start to "
                 "on_arrival");
  }
}

TEST(Engines, EveryNumberIsReachableFromYaml) {
  const EngineConfig engine = load_small({"engine.load_timeout_base=3 s",
                                          "engine.load_timeout_per_kilotoken=7 ms",
                                          "engine.idle_poll=2 ms",
                                          "engine.network_window={bytes: 1 MiB, operations: 3}",
                                          "engine.pcie_window.operations=unbounded",
                                          "engine.prefetch_requests=4",
                                          "engine.write_threshold=5",
                                          "engine.write_reserve=25 %",
                                          "engine.write_window.bytes=unbounded",
                                          "engine.concurrent_prefills=6",
                                          "engine.token_budget=2048",
                                          "engine.chunk_tokens=512",
                                          "engine.max_running=9",
                                          "engine.tensor_parallel=2",
                                          "engine.max_leap=16",
                                          "engine.decode=false",
                                          "engine.costs.step=1 ms",
                                          "engine.costs.operation=2 us",
                                          "engine.costs.lookup=3 us",
                                          "engine.name=mine"})
                                  .engine;
  EXPECT_EQ(engine.load_timeout_base, Seconds{3});
  EXPECT_EQ(engine.load_timeout_per_kilotoken, Seconds{0.007});
  EXPECT_EQ(engine.idle_poll, Seconds{0.002});
  EXPECT_EQ(engine.network_window.bytes, Bytes{1 << 20});
  EXPECT_EQ(engine.network_window.operations, 3);
  EXPECT_EQ(engine.pcie_window.operations, unbounded);
  EXPECT_EQ(engine.prefetch_requests, 4);
  EXPECT_EQ(engine.write_threshold, 5);
  EXPECT_EQ(engine.write_reserve, 0.25);
  EXPECT_EQ(engine.write_window.bytes.count(), unbounded);
  EXPECT_EQ(engine.concurrent_prefills, 6);
  EXPECT_EQ(engine.token_budget, 2048);
  EXPECT_EQ(engine.chunk_tokens, 512);
  EXPECT_EQ(engine.max_running, 9);
  EXPECT_EQ(engine.tensor_parallel, 2);
  EXPECT_EQ(engine.max_leap, 16);
  EXPECT_FALSE(engine.decode);
  EXPECT_EQ(engine.costs.step, Seconds{1e-3});
  EXPECT_EQ(engine.costs.operation, Seconds{2e-6});
  EXPECT_EQ(engine.costs.lookup, Seconds{3e-6});
  EXPECT_EQ(engine.name, "mine");
}

TEST(Engines, OneOrderForAllStagesUnlessOneIsNamed) {
  const EngineConfig engine =
      load_small({"engine.order=edf", "engine.pcie_order={policy: sjf_new, ageing: 2}"}).engine;
  EXPECT_EQ(engine.network_order.policy, "edf");
  EXPECT_EQ(engine.prefill_order.policy, "edf");
  EXPECT_EQ(engine.pcie_order.policy, "sjf_new");
  EXPECT_EQ(engine.pcie_order.ageing, 2);
}

TEST(Engines, PartOfAnOrderOrWindowKeepsTheRestOfItsBase) {
  const EngineConfig engine =
      load_small({"engine=vllm_async_2025", "engine.network_order.ageing=0.5",
                  "engine.network_window.operations=4"})
          .engine;
  EXPECT_EQ(engine.network_order.policy, "fifo");
  EXPECT_EQ(engine.network_order.ageing, 0.5);
  EXPECT_EQ(engine.network_window.operations, 4);
  EXPECT_EQ(engine.network_window.bytes.count(), unbounded);
}

TEST(Engines, WhatHoldsForEveryEngineIsNotPartOfItsName) {
  const std::string text = small_scenario + "every_engine: {decode: false, order: edf}\n";
  const auto engine = [&](std::vector<std::string> overrides) {
    return load_scenario_text(text, "s.yaml", with(std::move(overrides))).engine;
  };
  EXPECT_EQ(engine({}).name, "calvo");
  EXPECT_EQ(engine({"engine=vllm_sync"}).name, "vllm_sync");
  EXPECT_FALSE(engine({"engine=vllm_sync"}).decode);
  EXPECT_EQ(engine({"engine=vllm_sync"}).pcie_order.policy, "edf");
  EXPECT_TRUE(engine({"engine.decode=true"}).decode);
  EXPECT_EQ(error_of(text + "\n", {"every_engine.ordr=edf"}),
            "--set every_engine.ordr=edf:1:14: engine.ordr: unknown key (did you mean \"order\"?)");
  EXPECT_EQ(error_of(text, {"every_engine.name=x"}),
            "--set every_engine.name=x:1:19: every_engine.name: belongs to one engine; move it to "
            "\"engine\"");
}

TEST(Engines, AChangedEngineSaysSoInItsName) {
  EXPECT_EQ(load_small({"engine.cut=never", "engine.costs.step=1 ms"}).engine.name,
            "calvo+cut=never+costs");
}

}  // namespace
}  // namespace calvo::scenarios
