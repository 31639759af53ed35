#pragma once

#include <string>

namespace calvo::testing {

/// A scenario that a real run ends in a moment: a model of two layers, memories of some blocks, and
/// requests that hit half or all of their context. `rate` as in a scenario: "200 /s".
inline std::string tiny_scenario(const std::string& count, const std::string& rate) {
  return R"(name: tiny
engine: calvo
model:
  {name: tiny, layers: 2, hidden: 32, q_heads: 4, kv_heads: 2, head_dim: 8, dense_ffn: 48,
   vocab: 97, dense_layers: 2, max_context: 4096, parameters: 0.00003, active_parameters: 0.00003}
hardware: {gpu: H100, nic: rdma_100g}
topology: {kind: star, storage_nodes: 2}
block_tokens: 16
memory: {gpu: 128 KiB, host: 96 KiB, remote: 4 MiB, storage_extent: 4}
workload:
  synthetic:
    arrival: {kind: poisson, rate: )" +
         rate + R"(}
    count: )" +
         count + R"(
    shared_prefix: 40
    context: {kind: uniform, low: 20, high: 150}
    contexts: 6
    query: {kind: uniform, low: 1, high: 40}
    output: {kind: uniform, low: 1, high: 20}
    hit_fractions: [50 %, 100 %]
truth: {compute: linear, prefill_fixed: 1 ms, per_token: 5 us, decode_fixed: 1 ms}
slo: {ttft: {factor: [2, 4, 8]}}
)";
}

}  // namespace calvo::testing
