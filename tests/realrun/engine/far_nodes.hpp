// Storage nodes in processes of their own, through any fabric.
//
// By default tests take tcp and what libfabric has on every machine. On NICs of your own:
//   CALVO_FABRIC       the one to try, for example verbs or ofi:efa; it fails if it is missing
//   CALVO_FABRIC_BIND  address that storage nodes listen on; default: that of the first RDMA device
//                      for verbs, else 127.0.0.1
//   CALVO_FABRIC_HOST  address that the engine connects to; default: CALVO_FABRIC_BIND
//   CALVO_FABRIC_LAUNCHER  what to put before the command of a storage node: "ssh node7"
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "realrun/node/node_server.hpp"
#include "realrun/wire/endpoint.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {

/// Names of fabrics, whether this machine has them or not.
std::vector<std::string> fabrics_to_test();
/// Why the test is to be skipped; empty: it is not. Fails the test if the fabric was asked for.
std::string why_skipped(const std::string& fabric);
/// A name for a test that tells the fabric.
std::string plain(std::string fabric);

class FarNodes {
public:
  struct Plan {
    std::string fabric;
    std::vector<std::string> overrides = {};  ///< of small_scenario()
    Contents contents = Contents::empty;
    std::string faults = {};  ///< script of each node
  };

  /// Starts all storage nodes of the scenario.
  explicit FarNodes(const Plan& plan);
  /// Ends those that run; the test fails if one of them ends badly.
  ~FarNodes();
  FarNodes(const FarNodes&) = delete;
  FarNodes& operator=(const FarNodes&) = delete;

  RealrunOptions options() const;
  /// Of all nodes that were not killed. They answer unless they are stopped.
  std::uint64_t stored_blocks() const;

  /// SIGSTOP until the end.
  void stop(std::size_t node);
  /// SIGKILL; returns when it is dead.
  void kill(std::size_t node);

private:
  struct Child {
    pid_t process = -1;
    int line = -1;  ///< to it and back; its end is the child's end
    Endpoint endpoint;
  };
  void start(const Plan& plan, std::uint32_t node);

  std::string fabric_;
  std::vector<Child> children_;
};

/// What a FarNodes starts: reads its plan from the standard input and serves until that ends.
int be_far_node();

}  // namespace calvo::realrun::testing
