// The switches of an engine as YAML: every field of control::EngineConfig, in its order.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "control/engine_config.hpp"
#include "policies/registry.hpp"
#include "scenarios/fields.hpp"

namespace calvo::scenarios {

inline std::vector<std::string_view> order_names() {
  std::vector<std::string_view> names;
  for (const auto& row : policies::orders()) names.push_back(row.name);
  return names;
}

/// {policy: lstf, ageing: 0.5}; the short form `lstf` is written out before (expand.hpp).
template <class Io>
void order_field(Io& io, std::string_view key, control::OrderChoice& order) {
  io.group(key, [&](auto& inner) {
    if constexpr (Io::reads) {
      const auto names = order_names();
      order.policy = names[inner.section().required_name("policy", "order", names)];
    } else {
      inner.value("policy", order.policy);
    }
    inner.value("ageing", order.ageing, at_least(0.0));
  });
}

/// {bytes: 64 MiB, operations: 2}; the short form `unbounded` is written out before (expand.hpp).
template <class Io>
void window_field(Io& io, std::string_view key, control::Window& window) {
  io.group(key, [&](auto& inner) {
    inner.bound("bytes", window.bytes);
    inner.bound("operations", window.operations, 1);
  });
}

template <class Io>
void engine_fields(Io& io, control::EngineConfig& engine) {
  io.value("name", engine.name);
  io.name("coupling", engine.coupling, "coupling");
  io.name("network_start", engine.network_start, "network start");
  io.name("pcie_start", engine.pcie_start, "PCIe start");
  if constexpr (Io::reads) io.section().has("order");  // all three, written out before
  order_field(io, "network_order", engine.network_order);
  order_field(io, "pcie_order", engine.pcie_order);
  order_field(io, "prefill_order", engine.prefill_order);
  io.name("gpu_memory", engine.gpu_memory, "GPU memory rule");
  io.name("no_space", engine.no_space, "no-space rule");
  io.name("load_admission", engine.load_admission, "load admission");
  io.name("load_stop", engine.load_stop, "load stop");
  io.value("load_timeout_base", engine.load_timeout_base);
  io.value("load_timeout_per_kilotoken", engine.load_timeout_per_kilotoken);
  io.name("late", engine.late, "rule for late requests");
  io.value("late_factor", engine.late_factor, positive<double>());
  io.name("cut", engine.cut, "cut");
  io.name("step_waits_for", engine.step_waits_for, "step wait");
  io.name("completion_seen", engine.completion_seen, "completion");
  io.value("idle_poll", engine.idle_poll, positive<Seconds>());
  window_field(io, "network_window", engine.network_window);
  window_field(io, "pcie_window", engine.pcie_window);
  io.bound("run_blocks", engine.run_blocks, 1);
  io.value("prefetch_requests", engine.prefetch_requests, at_least(std::int32_t{0}));
  io.name("preempt", engine.preempt, "preemption");
  io.name("write", engine.write, "write rule");
  io.value("write_threshold", engine.write_threshold, at_least(std::int32_t{1}));
  window_field(io, "write_window", engine.write_window);
  io.share("write_reserve", engine.write_reserve);
  io.name("restore", engine.restore, "restore plan");
  io.value("concurrent_prefills", engine.concurrent_prefills, at_least(std::int32_t{1}));
  io.bound("token_budget", engine.token_budget, 1);
  io.bound("chunk_tokens", engine.chunk_tokens, 1);
  io.value("max_running", engine.max_running, at_least(std::int32_t{1}));
  io.value("tensor_parallel", engine.tensor_parallel, between<std::int32_t>(1, 64));
  io.bound("max_leap", engine.max_leap, 1);
  io.value("decode", engine.decode);
  io.group("costs", [&](auto& inner) {
    inner.value("step", engine.costs.step);
    inner.value("operation", engine.costs.operation);
    inner.value("lookup", engine.costs.lookup);
  });
}

}  // namespace calvo::scenarios
