// Engines as rows of switches, in code: the named ones of the literature and every other value that
// a switch can have. Switches and orders of a named one are those of scenarios/engines/NAME.yaml
// (tests/scenarios/engines_test.cpp holds them to that); windows and budgets are small here.
#pragma once

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "control/engine_config.hpp"
#include "core/random.hpp"

namespace calvo::control {

/// What a failing test prints.
inline void PrintTo(const EngineConfig& engine, std::ostream* out) {
  *out << engine.name;
}

inline EngineConfig engine_of(const std::string& name, const std::string& order) {
  EngineConfig engine;
  engine.name = name;
  engine.network_order.policy = engine.pcie_order.policy = engine.prefill_order.policy = order;
  return engine;
}

inline EngineConfig calvo_engine(const std::string& name, const std::string& order) {
  EngineConfig engine = engine_of(name, order);
  engine.no_space = NoSpace::skip;
  return engine;
}

inline EngineConfig recompute_only() {
  EngineConfig engine = engine_of("recompute_only", "fifo");
  engine.network_start = NetworkStart::at_admission;
  engine.pcie_start = PcieStart::at_batch;
  engine.gpu_memory = GpuMemory::at_load_begin;
  engine.cut = Cut::never;
  engine.completion_seen = CompletionSeen::at_step;
  engine.restore = Restore::recompute_all;
  engine.write = Write::none;
  return engine;
}

inline EngineConfig vllm_sync() {
  EngineConfig engine = engine_of("vllm_sync", "fifo");
  engine.coupling = Coupling::serial;
  engine.network_start = NetworkStart::in_step;
  engine.pcie_start = PcieStart::in_step;
  engine.gpu_memory = GpuMemory::at_load_begin;
  engine.cut = Cut::never;
  engine.step_waits_for = StepWaitsFor::all_loads;
  engine.completion_seen = CompletionSeen::at_step;
  return engine;
}

inline EngineConfig vllm_async_2025() {
  EngineConfig engine = engine_of("vllm_async_2025", "fifo");
  engine.network_start = NetworkStart::at_admission;
  engine.gpu_memory = GpuMemory::at_load_begin;
  engine.cut = Cut::never;
  engine.completion_seen = CompletionSeen::at_step;
  return engine;
}

inline EngineConfig early_prefetch() {
  EngineConfig engine = vllm_async_2025();
  engine.name = "early_prefetch";
  engine.network_start = NetworkStart::first_probe;
  engine.prefetch_requests = 4;
  return engine;
}

inline EngineConfig calvo_fifo() {
  return calvo_engine("calvo_fifo", "fifo");
}
inline EngineConfig calvo_sjf() {
  return calvo_engine("calvo_sjf", "sjf_cost");
}
inline EngineConfig calvo() {
  return calvo_engine("calvo", "lstf");
}

inline EngineConfig sync_block_by_block() {
  EngineConfig engine = vllm_sync();
  engine.name = "sync_block_by_block";
  engine.run_blocks = 1;
  return engine;
}

inline EngineConfig hicache(const std::string& name, LoadStop stop) {
  EngineConfig engine = engine_of(name, "fifo");
  engine.pcie_start = PcieStart::at_batch;
  engine.gpu_memory = GpuMemory::at_copy_issue;
  engine.cut = Cut::never;
  engine.step_waits_for = StepWaitsFor::layers;
  engine.completion_seen = CompletionSeen::at_step;
  engine.load_stop = stop;
  engine.load_timeout_base = Seconds{100e-6};
  engine.load_timeout_per_kilotoken = Seconds{1e-3};
  return engine;
}

inline EngineConfig tent_edf() {
  EngineConfig engine = vllm_async_2025();
  engine.name = "tent_edf";
  engine.load_admission = LoadAdmission::free_minus_reserved;
  engine.network_order.policy = "edf_transfer";
  engine.network_window.operations = 1;
  engine.cut = Cut::block;
  engine.late = Late::recompute;
  engine.late_factor = 1.5;
  return engine;
}

inline EngineConfig calvo_lstf_drop() {
  EngineConfig engine = calvo_engine("calvo_lstf_drop", "lstf");
  engine.late = Late::last;
  return engine;
}

inline EngineConfig calvo_bottleneck() {
  EngineConfig engine = calvo_engine("calvo_bottleneck", "sjf_bottleneck");
  engine.late = Late::last;
  return engine;
}

inline EngineConfig calvo_soonest() {
  EngineConfig engine = calvo_bottleneck();
  engine.name = "calvo_soonest";
  engine.restore = Restore::soonest;
  return engine;
}

inline std::vector<EngineConfig> named_engines() {
  return {recompute_only(),
          vllm_sync(),
          sync_block_by_block(),
          vllm_async_2025(),
          early_prefetch(),
          hicache("hicache_best_effort", LoadStop::best_effort),
          hicache("hicache_wait_complete", LoadStop::wait),
          hicache("hicache_timeout", LoadStop::timeout),
          tent_edf(),
          calvo_fifo(),
          calvo_sjf(),
          calvo(),
          calvo_lstf_drop(),
          calvo_bottleneck(),
          calvo_soonest()};
}

/// The named ones and, changing one or a few switches at a time, all other values.
inline std::vector<EngineConfig> all_engines() {
  std::vector<EngineConfig> engines = named_engines();
  const auto like = [&](EngineConfig engine, const std::string& name, auto change) {
    engine.name = name;
    change(engine);
    engines.push_back(engine);
  };
  using E = EngineConfig;
  for (const LoadStop stop : {LoadStop::wait, LoadStop::best_effort, LoadStop::timeout}) {
    like(hicache("", stop), "hicache_own_loads_" + std::string(name_of(stop)),
         [](E& e) { e.step_waits_for = StepWaitsFor::own_loads; });
    like(hicache("", stop), "hicache_recompute_" + std::string(name_of(stop)), [](E& e) {
      e.no_space = NoSpace::recompute;
      e.completion_seen = CompletionSeen::at_event;
    });
  }
  like(calvo_fifo(), "calvo_layers", [](E& e) { e.step_waits_for = StepWaitsFor::layers; });
  like(calvo_sjf(), "calvo_all_loads", [](E& e) { e.step_waits_for = StepWaitsFor::all_loads; });
  like(calvo_sjf(), "whole_request", [](E& e) { e.gpu_memory = GpuMemory::whole_request; });
  like(calvo_sjf(), "at_copy_issue", [](E& e) { e.gpu_memory = GpuMemory::at_copy_issue; });
  like(calvo_sjf(), "at_load_begin", [](E& e) { e.gpu_memory = GpuMemory::at_load_begin; });
  like(calvo(), "no_space_break", [](E& e) { e.no_space = NoSpace::break_; });
  like(calvo(), "no_space_recompute", [](E& e) { e.no_space = NoSpace::recompute; });
  like(calvo(), "copy_issue_recompute", [](E& e) {
    e.gpu_memory = GpuMemory::at_copy_issue;
    e.no_space = NoSpace::recompute;
  });
  like(calvo(), "write_none", [](E& e) { e.write = Write::none; });
  like(calvo(), "write_selective", [](E& e) { e.write = Write::selective; });
  like(calvo(), "write_on_evict", [](E& e) { e.write = Write::on_evict; });
  like(vllm_async_2025(), "async_free_minus_reserved",
       [](E& e) { e.load_admission = LoadAdmission::free_minus_reserved; });
  like(vllm_async_2025(), "async_skip", [](E& e) { e.no_space = NoSpace::skip; });
  like(vllm_async_2025(), "async_whole_request",
       [](E& e) { e.gpu_memory = GpuMemory::whole_request; });
  like(vllm_async_2025(), "first_probe", [](E& e) { e.network_start = NetworkStart::first_probe; });
  like(early_prefetch(), "probe_then_batch", [](E& e) {
    e.pcie_start = PcieStart::at_batch;
    e.gpu_memory = GpuMemory::at_copy_issue;
    e.no_space = NoSpace::skip;
  });
  like(vllm_sync(), "sync_decoupled", [](E& e) {
    e.coupling = Coupling::decoupled;
    e.step_waits_for = StepWaitsFor::own_loads;
    e.concurrent_prefills = 3;
  });
  like(vllm_sync(), "sync_batch", [](E& e) { e.concurrent_prefills = 4; });
  like(vllm_sync(), "sync_recompute", [](E& e) { e.no_space = NoSpace::recompute; });
  like(vllm_sync(), "sync_at_event", [](E& e) { e.completion_seen = CompletionSeen::at_event; });
  like(calvo(), "at_step", [](E& e) { e.completion_seen = CompletionSeen::at_step; });
  like(calvo(), "chunked", [](E& e) {
    e.chunk_tokens = 24;
    e.token_budget = 40;
    e.concurrent_prefills = 4;
  });
  like(vllm_async_2025(), "async_chunked", [](E& e) {
    e.chunk_tokens = 16;
    e.token_budget = 20;
    e.concurrent_prefills = 8;
  });
  like(calvo_sjf(), "several_prefills", [](E& e) { e.concurrent_prefills = 5; });
  like(calvo_sjf(), "preempt_none", [](E& e) { e.preempt = Preempt::none; });
  like(calvo_sjf(), "few_running", [](E& e) { e.max_running = 2; });
  like(calvo_sjf(), "short_leaps", [](E& e) { e.max_leap = 3; });
  like(calvo_sjf(), "one_operation", [](E& e) {
    e.network_window.operations = e.pcie_window.operations = e.write_window.operations = 1;
  });
  like(calvo_sjf(), "cheaper", [](E& e) { e.restore = Restore::cheaper; });
  like(calvo_sjf(), "edf_aged", [](E& e) {
    e.network_order = {"edf", 0.5};
    e.pcie_order = {"sjf_cached", 3.0};
    e.prefill_order = {"sjf_new", 100.0};
  });
  like(calvo_sjf(), "first_token_only", [](E& e) { e.decode = false; });
  return engines;
}

/// Any row of the table: each switch at any of its values.
inline EngineConfig any_engine(std::uint64_t seed) {
  Random random(seed, 11);
  EngineConfig engine;
  engine.name = "any_" + std::to_string(seed);
  const auto pick = [&]<class Enum>(Enum& value) {
    value = static_cast<Enum>(random.below(names<Enum>().size()));
  };
  const auto number = [&](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  pick(engine.coupling);
  pick(engine.network_start);
  pick(engine.pcie_start);
  pick(engine.gpu_memory);
  pick(engine.no_space);
  pick(engine.load_admission);
  pick(engine.load_stop);
  pick(engine.late);
  pick(engine.cut);
  pick(engine.step_waits_for);
  pick(engine.completion_seen);
  pick(engine.preempt);
  pick(engine.write);
  if (random.below(4) == 0) pick(engine.restore);
  const auto orders = std::to_array<const char*>({"fifo", "sjf_new", "sjf_cached", "sjf_cost",
                                                  "sjf_bottleneck", "edf", "edf_transfer", "lstf"});
  for (OrderChoice* order : {&engine.network_order, &engine.pcie_order, &engine.prefill_order}) {
    *order = {orders[random.below(orders.size())], random.below(2) == 0 ? 0.0 : random.uniform()};
  }
  engine.load_timeout_base = Seconds{1e-3 * random.uniform()};
  engine.load_timeout_per_kilotoken = Seconds{1e-2 * random.uniform()};
  engine.network_window.operations = random.below(3) == 0 ? unbounded : number(1, 3);
  engine.pcie_window.operations = random.below(3) == 0 ? unbounded : number(1, 3);
  engine.write_window.operations = number(1, 3);
  engine.run_blocks = random.below(2) == 0 ? unbounded : number(1, 3);
  engine.late_factor = 0.5 + 2 * random.uniform();
  engine.prefetch_requests = static_cast<std::int32_t>(number(0, 3));
  engine.concurrent_prefills = static_cast<std::int32_t>(number(1, 4));
  engine.token_budget = random.below(2) == 0 ? unbounded : number(8, 64);
  engine.chunk_tokens = random.below(2) == 0 ? unbounded : number(4, 40);
  engine.max_running = static_cast<std::int32_t>(random.below(2) == 0 ? 256 : number(1, 4));
  engine.max_leap = random.below(2) == 0 ? unbounded : number(1, 8);
  engine.decode = random.below(5) != 0;
  engine.write_reserve = random.below(2) == 0 ? 0.0 : 0.9 * random.uniform();
  return engine;
}

}  // namespace calvo::control
