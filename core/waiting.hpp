// What a request waits for at a moment, as the control plane's own books say it. For explanations
// of runs: nothing decides by it.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/ids.hpp"
#include "core/units.hpp"

namespace calvo {

enum class Waiting : std::uint8_t {
  lookup,          ///< for the answer of the remote pool
  load_start,      ///< for a step: its engine begins loads only there
  prefetch_bound,  ///< as many requests as may have begun to load
  network_window,  ///< the network stage has as much in flight as it may
  network,         ///< a fetch of its own is in flight, or that of `Wait::whose`, which it shares
  host_memory,
  copy_start,  ///< for a step: its engine copies only there
  pcie_window,
  pcie,  ///< as `network`
  gpu_memory,
  step,        ///< it could be computed; a step is under way without it, or none is
  step_loads,  ///< it is part of a step that waits for loads
  compute,     ///< it is part of the running step
  decode,      ///< it has its first token
  unknown,
};

constexpr std::string_view name_of(Waiting waiting) {
  constexpr std::string_view names[] = {
      "lookup",      "load_start", "prefetch_bound", "network_window", "network",
      "host_memory", "copy_start", "pcie_window",    "pcie",           "gpu_memory",
      "step",        "step_loads", "compute",        "decode",         "unknown"};
  return names[static_cast<std::size_t>(waiting)];
}

/// Why a step took no more requests than it did when it was formed.
enum class StepLimit : std::uint8_t { none, token_budget, concurrent_prefills, max_running };

/// One request, after a batch of events.
struct Wait {
  RequestId request{};
  Waiting why{};
  RequestId whose{};  ///< whose transfer it is; its own id if its own

  friend bool operator==(const Wait&, const Wait&) = default;
};

/// What an order policy was shown of a request and what it made of it.
struct Decision {
  Instant date{};
  RequestId request{};
  Instant deadline = never;                               ///< for the first token
  Tokens cached;                                          ///< to load, or in GPU memory already
  Tokens fresh;                                           ///< to compute
  Seconds load{0};                                        ///< estimate (T_load)
  Seconds compute{0};                                     ///< estimate (T_comp)
  double network_key = 0, pcie_key = 0, prefill_key = 0;  ///< smaller goes first
};

}  // namespace calvo
