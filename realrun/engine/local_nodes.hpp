#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "realrun/node/fault_script.hpp"
#include "realrun/node/node_server.hpp"
#include "realrun/wire/endpoint.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

struct LocalNodeOptions {
  std::string fabric = "tcp";
  std::uint64_t model_seed = 1;
  std::optional<BytesPerSecond> pace;  ///< of each node
  std::vector<FaultScript> faults;     ///< of the first nodes, in order
  /// Any block that is asked for is made on the spot, as with calvo kvnode --synthetic.
  bool synthetic = false;
};

/// What of the scenario's pool lies on storage node `node` before the run, least recently used
/// first.
std::vector<BlockRun> initial_share(const scenarios::Scenario& scenario, std::uint32_t node);

/// The storage nodes of a scenario as processes of their own on loopback, behind a key that nobody
/// else has, filled with synthetic blocks as the scenario says. They live as long as this does, and
/// not longer than this process, however it ends.
class LocalNodes {
public:
  /// Requires: this process has no other thread. Throws InputError with what a node says of itself:
  /// port, memory, fabric.
  LocalNodes(const scenarios::Scenario& scenario, const LocalNodeOptions& options);
  ~LocalNodes();
  LocalNodes(const LocalNodes&) = delete;
  LocalNodes& operator=(const LocalNodes&) = delete;

  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  const std::vector<std::byte>& key() const { return key_; }

  struct Ended {
    NodeCounters counters;                ///< summed over those that ended well
    std::vector<std::string> complaints;  ///< a line for each that did not
  };
  /// Ends them and waits. Once.
  Ended stop();

private:
  struct Child {
    pid_t process = -1;
    int line = -1;  ///< to it and back; its end is the child's end
  };
  void start(const NodeOptions& options);
  [[noreturn]] void be_node(const NodeOptions& options, int line, pid_t parent);

  std::vector<std::byte> key_;
  std::vector<Child> children_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace calvo::realrun
