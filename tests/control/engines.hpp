// Engines as rows of switches, in code: the named ones of the literature and every other value that
// a switch can have.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "control/engine_config.hpp"

namespace calvo::control {

/// What a failing test prints.
inline void PrintTo(const EngineConfig& engine, std::ostream* out) {
  *out << engine.name;
}

inline EngineConfig calvo_engine(const std::string& name, const std::string& order) {
  EngineConfig engine;
  engine.name = name;
  engine.network_order.policy = engine.pcie_order.policy = engine.prefill_order.policy = order;
  return engine;
}

inline EngineConfig recompute_only() {
  EngineConfig engine = calvo_engine("recompute_only", "fifo");
  engine.restore = Restore::recompute_all;
  engine.write = Write::none;
  return engine;
}

inline EngineConfig vllm_sync() {
  EngineConfig engine = calvo_engine("vllm_sync", "fifo");
  engine.coupling = Coupling::serial;
  engine.network_start = NetworkStart::in_step;
  engine.pcie_start = PcieStart::in_step;
  engine.gpu_memory = GpuMemory::at_load_begin;
  engine.cut = Cut::never;
  engine.step_waits_for = StepWaitsFor::all_loads;
  return engine;
}

inline EngineConfig vllm_async_2025() {
  EngineConfig engine = calvo_engine("vllm_async_2025", "fifo");
  engine.network_start = NetworkStart::at_admission;
  engine.gpu_memory = GpuMemory::at_load_begin;
  engine.cut = Cut::never;
  engine.completion_seen = CompletionSeen::at_step;
  return engine;
}

inline EngineConfig early_prefetch() {
  EngineConfig engine = calvo_engine("early_prefetch", "fifo");
  engine.network_start = NetworkStart::first_probe;
  engine.pcie_start = PcieStart::at_batch;
  engine.gpu_memory = GpuMemory::at_copy_issue;
  engine.no_space = NoSpace::skip;
  engine.prefetch_requests = 4;
  engine.cut = Cut::never;
  engine.completion_seen = CompletionSeen::at_step;
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

inline std::vector<EngineConfig> named_engines() {
  return {recompute_only(), vllm_sync(), vllm_async_2025(), early_prefetch(), calvo_fifo(),
          calvo_sjf(),      calvo()};
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
  const auto hicache = [](E& e) {
    e.pcie_start = PcieStart::at_batch;
    e.gpu_memory = GpuMemory::at_copy_issue;
    e.cut = Cut::never;
  };
  like(calvo_fifo(), "hicache_wait", hicache);
  like(calvo_fifo(), "hicache_best_effort", [&](E& e) {
    hicache(e);
    e.load_stop = LoadStop::best_effort;
  });
  like(calvo_fifo(), "hicache_timeout", [&](E& e) {
    hicache(e);
    e.load_stop = LoadStop::timeout;
    e.load_timeout_base = Seconds{1e-4};
    e.load_timeout_per_kilotoken = Seconds{1e-3};
  });
  like(calvo_fifo(), "hicache_layers", [&](E& e) {
    hicache(e);
    e.step_waits_for = StepWaitsFor::layers;
  });
  like(calvo_fifo(), "calvo_layers", [](E& e) { e.step_waits_for = StepWaitsFor::layers; });
  like(calvo_sjf(), "calvo_all_loads", [](E& e) { e.step_waits_for = StepWaitsFor::all_loads; });
  like(calvo_sjf(), "whole_request", [](E& e) { e.gpu_memory = GpuMemory::whole_request; });
  like(calvo_sjf(), "at_copy_issue", [](E& e) { e.gpu_memory = GpuMemory::at_copy_issue; });
  like(calvo_sjf(), "at_load_begin", [](E& e) { e.gpu_memory = GpuMemory::at_load_begin; });
  like(calvo(), "no_space_skip", [](E& e) { e.no_space = NoSpace::skip; });
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
  like(vllm_sync(), "sync_decoupled", [](E& e) {
    e.coupling = Coupling::decoupled;
    e.step_waits_for = StepWaitsFor::own_loads;
    e.concurrent_prefills = 3;
  });
  like(vllm_sync(), "sync_batch", [](E& e) { e.concurrent_prefills = 4; });
  like(vllm_sync(), "sync_recompute", [](E& e) { e.no_space = NoSpace::recompute; });
  like(vllm_sync(), "sync_at_step", [](E& e) { e.completion_seen = CompletionSeen::at_step; });
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

}  // namespace calvo::control
