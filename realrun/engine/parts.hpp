// What a run is made of, so that tests can put other parts in.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "realrun/devices/device.hpp"
#include "realrun/engine/realrun.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/node/node_client.hpp"

namespace calvo::realrun {

/// A control connection to a storage node, as NodeClient has it.
class NodeLink {
public:
  virtual ~NodeLink() = default;
  virtual const NodeInfo& info() const = 0;
  virtual void lookup(std::uint64_t tag, std::span<const BlockRun> runs) = 0;
  virtual void lease(std::uint64_t tag, BlockRun run) = 0;
  virtual void release(std::uint64_t lease) = 0;
  virtual void store(std::uint64_t tag, BlockRun run,
                     std::span<const std::span<const std::byte>> blocks) = 0;
  virtual void poll(std::vector<NodeReply>& out) = 0;
  virtual std::uint64_t blocks_sent() const = 0;
  virtual int fd() const = 0;
  virtual bool wants_write() const = 0;
  virtual bool alive() const = 0;
};

/// How long a node may take for the several round trips of a new connection, however impatient the
/// engine is with transfers: the node may be busy with others.
inline constexpr Nanoseconds least_handshake{5'000'000'000};

struct Parts {
  std::string fabric;  ///< name of the offers that the fabric client understands
  std::function<std::unique_ptr<FabricClient>()> make_fabric;
  std::function<std::unique_ptr<Device>(const DeviceOptions&)> make_device;
  /// Blocks, until `stop` at most; throws as NodeClient does. Any threads, at once.
  std::function<std::unique_ptr<NodeLink>(std::size_t node, const std::stop_token& stop)> connect;
  std::vector<std::string> hosts;  ///< of the nodes as the user calls them, for messages
};

/// The real ones. Throws InputError for a fabric or a device that is not there.
Parts real_parts(const scenarios::Scenario& scenario, const RealrunOptions& options);

/// What both sides of the control connection must agree on.
NodeConfig node_config(const scenarios::Scenario& scenario, std::uint64_t model_seed);

/// realrun() with parts of the caller's choice.
RealrunResult run_with(scenarios::Scenario& scenario, const RealrunOptions& options,
                       const Parts& parts);

}  // namespace calvo::realrun
