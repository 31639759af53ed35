#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/testbed_fit.hpp"
#include "realrun/calibrate/sample.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/node/node_client.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {

struct NetworkProbeOptions {
  std::string fabric = "tcp";
  std::vector<ConnectOptions> nodes;
  BlockFormat format;
  int repeats = 9;
  Seconds longest{0.25};  ///< of one chain of reads: bounds sizes on slow links
};

struct NetworkMeasurement {
  models::TransferFit node;  ///< payload of blocks read from the first node
  /// Payload rate of one chain of blocks from each node while the others are silent, in order.
  /// Empty: there is only one.
  std::vector<BytesPerSecond> alone;
  BytesPerSecond together{0};   ///< payload rate of all nodes at once
  Seconds lookup{0}, lease{0};  ///< round trips of the control connection
  double spread = 0;            ///< median over the samples
  std::vector<Sample> samples;
};

/// Reads through the fabric, without checksums: chains of many sizes and lengths from the first
/// node, of which the fit is made; then one and the same chain from each node alone, and from all
/// of them together. Asks the first node what is stored. `landing` is registered for it. Throws as
/// NodeClient and FabricClient do, and InputError if the first node does not make blocks on demand
/// (calvo kvnode --synthetic).
NetworkMeasurement probe_network(const NetworkProbeOptions& options, std::span<std::byte> landing);

}  // namespace calvo::realrun
