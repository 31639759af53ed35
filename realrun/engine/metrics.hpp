#pragma once

#include <cstdint>
#include <memory>

#include "core/run_result.hpp"

namespace calvo::realrun {

/// What /metrics shows of a run, in Prometheus' text format, on loopback.
class Metrics {
public:
  struct Sample {
    std::int64_t arrived = 0;
    std::int64_t ended = 0;
    std::int64_t in_flight = 0;
    std::int64_t gpu_blocks = 0;
    std::int64_t host_blocks = 0;
    std::int64_t quarantined_blocks = 0;
    Counters counters;
  };

  /// Port 0: any. Throws InputError if it is taken.
  explicit Metrics(std::uint16_t port);
  ~Metrics();
  std::uint16_t port() const;
  void show(const Sample& sample);

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calvo::realrun
