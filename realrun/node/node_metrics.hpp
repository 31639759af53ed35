#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "realrun/node/tally.hpp"

namespace calvo::realrun {

/// Serves what a node counts at http://BIND:PORT/metrics, in the text format of Prometheus.
class NodeMetrics {
public:
  /// The tally outlives this. Throws InputError if the port cannot be had.
  NodeMetrics(const std::string& bind, std::uint16_t port, const Tally& tally,
              std::int64_t capacity_blocks, std::uint64_t pool_bytes);
  /// Takes up to two seconds: so long the library's thread sleeps.
  ~NodeMetrics();

  std::uint16_t port() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calvo::realrun
