// A storage node: a pool of KV blocks, answers to engines, faults on order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/request.hpp"
#include "realrun/node/fault_script.hpp"
#include "realrun/node/node_client.hpp"

namespace calvo::realrun {

/// Blocks that the pool holds from the start, least recently used first.
struct Preload {
  std::vector<BlockRun> runs;
  bool synthetic = true;  ///< payload by fill_synthetic(model_seed); else the pool starts empty
};

struct NodeOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any that is free
  /// Empty: loopback_key(), if it binds to loopback.
  std::vector<std::byte> key;
  NodeConfig config;
  std::int64_t capacity_blocks = 0;
  std::optional<std::uint32_t> index;  ///< among the storage nodes of its scenario, if it has one
  Preload preload;
  /// Any block that is asked for and not stored is made on the spot, synthetic, as far as there is
  /// room: a pool that always hits.
  bool synthetic_on_demand = false;
  std::vector<std::string> fabrics = {"tcp"};
  std::optional<BytesPerSecond> pace;  ///< of all that it sends, token bucket
  std::int64_t pace_burst = 256 << 10;
  FaultScript faults;
  std::optional<std::uint16_t> metrics_port;  ///< Prometheus text at /metrics; 0: any
  bool huge_pages = false;
  Nanoseconds handshake_limit{5'000'000'000};  ///< then a peer that has proved nothing is cut
  std::int32_t most_unproved = 64;             ///< such peers at a time; one more cuts the oldest
  /// A line for each peer that is refused, for people to read. Called by the node's thread.
  std::function<void(const std::string& line)> notice;
};

struct NodeCounters {
  std::uint64_t connections = 0, refused_handshakes = 0, malformed_frames = 0;
  std::uint64_t lookups = 0, leases = 0, leased_blocks = 0, missing_blocks = 0;
  std::uint64_t stored_blocks = 0, refused_blocks = 0, evicted_blocks = 0;
  std::uint64_t sent_bytes = 0, faults = 0;
};

/// Runs from construction to destruction on its own threads. The constructor throws InputError
/// (port in use, pool larger than memory, no permission, unknown fabric), with the remedy.
class NodeServer {
public:
  explicit NodeServer(const NodeOptions& options);
  ~NodeServer();
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

  std::uint16_t port() const;
  std::uint16_t metrics_port() const;
  NodeCounters counters() const;
  std::uint64_t pool_bytes() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calvo::realrun
