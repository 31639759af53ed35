// What one run, simulated or real, leaves behind: the input of everything in analysis/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/request.hpp"

namespace calvo {

enum class ResourceKind : std::uint8_t { gpu, pcie, network, dram, memory };

/// How much of a resource a run used. `utilization` is the mean over the measured span: busy share
/// of a GPU, carried / capacity of a link, mean occupancy of a memory tier.
struct ResourceUse {
  std::string name;  ///< e.g. "instance0.gpu", "serving0.nic0.rx", "storage1.nic0.tx"
  ResourceKind kind = ResourceKind::gpu;
  double utilization = 0;
  double peak = 0;  ///< memory: highest occupancy share; others: 0
  Bytes moved;      ///< links: payload carried
  /// GPUs: share of the time in which a step computes a prompt; others: below 0. A GPU that only
  /// decodes is busy and can still take requests on.
  double prompt_share = -1;

  /// How near it is to being what requests wait for.
  double saturation() const { return prompt_share < 0 ? utilization : prompt_share; }
};

/// One bar of the timeline, on the track of a resource ("instance0.gpu").
struct TimelineSpan {
  std::uint32_t track = 0;  ///< index into RunResult::tracks
  RequestId request{};      ///< the request it serves; meaningless where `has_request` is false
  bool has_request = false;
  const char* what = "";  ///< static text: "network_load", "pcie_load", "prefill", "decode", ...
  Instant begin{};
  Instant end{};
};

/// How full a memory was over time: mean shares of its capacity over equal intervals from the start
/// of the run; the last interval ends with the run.
struct MemoryHistory {
  std::string name;  ///< as that of its ResourceUse
  Nanoseconds interval{0};
  std::vector<double> shares;
};

/// Counts that the control plane keeps. Same names in summary.json under "counters".
struct Counters {
  std::int64_t events = 0;
  std::int64_t commands = 0;
  std::int64_t fetched_blocks = 0;
  std::int64_t copied_blocks = 0;
  std::int64_t stored_blocks = 0;
  std::int64_t shared_blocks = 0;  ///< blocks that a request found being loaded by another
  std::int64_t gpu_evictions = 0;  ///< blocks
  std::int64_t host_evictions = 0;
  std::int64_t remote_evictions = 0;
  std::int64_t preemptions = 0;
  std::int64_t forced_releases = 0;
  std::int64_t cut_fetches = 0;
  std::int64_t missing_blocks = 0;     ///< promised by a lookup, gone at the fetch
  std::int64_t corrupt_fetches = 0;    ///< transfers that ended at a block that was not right
  std::int64_t timed_out_fetches = 0;  ///< transfers that a storage node did not finish in time
  std::int64_t failed_stores = 0;      ///< write-backs that a storage node did not take
  std::int64_t skipped_stores = 0;     ///< write-backs not begun: their storage node was down
  std::int64_t recomputed_blocks = 0;  ///< hits that were computed all the same
  std::int64_t reloaded_blocks = 0;    ///< fetched again after this instance had evicted them
  std::int64_t steps = 0;
  std::int64_t iterations = 0;

  Counters& operator+=(const Counters& other);
};

struct RunResult {
  std::vector<RequestRecord> requests;  ///< by request id
  std::vector<ResourceUse> resources;
  std::vector<std::string> tracks;
  std::vector<TimelineSpan> timeline;  ///< empty unless asked for
  std::vector<MemoryHistory> memory;   ///< likewise; all of the same interval
  Counters counters;
  Instant end{};         ///< date of the last event
  bool complete = true;  ///< false: interrupted, unfinished requests remain
};

}  // namespace calvo
