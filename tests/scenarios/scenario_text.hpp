// A small scenario for tests, without any trace.
#pragma once

#include <string>
#include <vector>

#include "core/input_error.hpp"
#include "scenarios/load.hpp"

namespace calvo::scenarios {

inline const std::string small_scenario = R"(name: small
engine: calvo
model: Llama-3.1-8B
hardware:
  gpu: H100
  nic: rdma_100g
topology: {kind: star}
block_tokens: 256
memory: {gpu: 4 GiB, host: 8 GiB, remote: 16 GiB}
workload:
  requests:
    - {at: 0 s, context: 4096, query: 64, output: 2}
    - {at: 5 ms, context: 1024, query: 32}
truth: {compute: linear, prefill_fixed: 5 ms, per_token: 50 us, decode_fixed: 8 ms}
)";

inline LoadOptions with(std::vector<std::string> overrides) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  return options;
}

inline Scenario load_small(std::vector<std::string> overrides = {}) {
  return load_scenario_text(small_scenario, "s.yaml", with(std::move(overrides)));
}

/// The message of loading `text`, or "no error".
inline std::string error_of(const std::string& text, std::vector<std::string> overrides = {}) {
  try {
    load_scenario_text(text, "s.yaml", with(std::move(overrides)));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

/// small_scenario with `from` replaced by `to`.
inline std::string changed(const std::string& from, const std::string& to) {
  std::string text = small_scenario;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("the small scenario has no " + from);
  return text.replace(at, from.size(), to);
}

}  // namespace calvo::scenarios
