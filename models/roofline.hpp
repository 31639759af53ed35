// What a kernel takes by its operations and bytes alone, where nobody has measured it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/hardware.hpp"

namespace calvo::models {

/// Shares of the data sheet's peaks that good kernels reach. Of the shipped H100 tables: large bf16
/// GEMMs 0.70, FlashAttention-3 over 16 K tokens 0.67, decode attention over 64 K tokens 0.93 of
/// the memory bandwidth; smaller sizes reach less, hence the round numbers below.
/// Validity: large sizes; the floor stands for the launch-bound ones.
struct RooflineEfficiency {
  double gemm = 0.70;
  double attention = 0.60;
  double memory = 0.85;
  double floor_seconds = 4e-6;  ///< shortest kernel of the shipped GEMM tables, with its launch
};

/// Seconds of a kernel with so many operations and bytes, at a share of the peak compute rate.
inline double roofline_seconds(const GpuSpec& gpu, double flops, double bytes, double share,
                               const RooflineEfficiency& reach = {}) {
  return reach.floor_seconds + std::max(flops / (share * gpu.bf16.count()),
                                        bytes / (reach.memory * gpu.memory_bandwidth.count()));
}

}  // namespace calvo::models
