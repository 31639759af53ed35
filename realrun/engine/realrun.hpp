// The real runner's front door: the same controller as the simulator's, in wall time, over a fabric
// and a device.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/run_result.hpp"
#include "realrun/devices/device.hpp"
#include "realrun/node/node_client.hpp"
#include "realrun/wire/endpoint.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

struct RealrunOptions {
  std::string fabric = "tcp";
  std::string device = "host";
  std::vector<Endpoint> nodes;  ///< one for each storage node of the scenario, in its order
  std::vector<std::byte> key;
  std::uint64_t model_seed = 1;
  bool verify = true;     ///< checksum of each fetched block, before it is used
  bool canaries = false;  ///< poison between host slots, checked at the end and on each reuse
  Nanoseconds transfer_limit{2'000'000'000};  ///< of silence: then a node is given up
  std::int32_t rails = 1;
  DeviceOptions device_options;  ///< pacing and pinning; shape, pages, memory are the scenario's
  std::optional<int> control_core, network_core;
  std::optional<std::uint16_t> metrics_port;
  /// Keeps the logits after each request's first token, for the oracle.
  bool keep_logits = false;
  std::function<void(std::int64_t ended, std::int64_t total, double seconds)> progress;
  std::function<void(std::span<const std::byte>)> event_log_sink;
  /// Hears each of LoadReport::complaints when it comes up.
  std::function<void(const std::string& text)> complain;
};

/// A storage node that at least one rail of a run could not reach for a time.
struct LostNode {
  std::uint32_t node = 0;
  std::string address;
  std::int64_t times = 0;
  Instant first{};              ///< when it was lost the first time
  std::optional<Instant> back;  ///< when all rails had it again at last; none: not before the end
};

/// What a real run tells beyond a simulated one.
struct LoadReport {
  std::vector<double> lateness_s;  ///< of each arrival: handed over - due
  double cpu_busy = 0;             ///< of this process: CPU time / wall time
  double machine_busy = 0;         ///< of the machine: share of all cores' time that was not idle
  double spare_cpu_busy = 0;       ///< ... of the cores that compute is not pinned to
  double verify_s = 0;             ///< thread time spent on checksums
  std::int64_t verified_blocks = 0;
  std::int64_t corrupt_blocks = 0;
  std::int64_t timeouts = 0;
  std::int64_t reconnects = 0;
  std::vector<LostNode> lost_nodes;  ///< by node
  std::vector<std::string> faults;   ///< scripts that its storage nodes were given on purpose
  std::vector<double> lookup_s;      ///< wall time of each lookup
  std::vector<double> lease_s;       ///< ... of each lease, before data
  /// What of the nodes is not as the scenario says, and why some that were lost cannot be used
  /// again though they answer: another key, another configuration. Each text once.
  std::vector<std::string> complaints;
};

struct RealrunResult {
  RunResult run;
  LoadReport load;
  std::vector<std::vector<float>> logits;  ///< by request id, if kept
};

/// Runs the scenario from its first arrival until every request has ended, the time limit, or
/// request_stop(). Throws InputError for everything that the user can mend, before anything runs.
RealrunResult realrun(scenarios::Scenario& scenario, const RealrunOptions& options);

/// Async-signal-safe.
void request_stop() noexcept;

}  // namespace calvo::realrun
