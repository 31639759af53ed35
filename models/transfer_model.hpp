#pragma once

#include <vector>

#include "core/units.hpp"

namespace calvo::models {

/// One point of a size -> bandwidth curve.
struct CurvePoint {
  Bytes size;
  BytesPerSecond bandwidth;
};

/// Time to move n operations of `size` bytes each over an otherwise idle link:
///
///   latency + n * max(per_operation + size / bandwidth, size / curve(size))
///
/// `curve` (by size, interpolated on log(size), constant beyond its ends) is optional; where it is
/// given it bounds the rate from above. Source: Hockney, Parallel Computing 20 (1994) 389-398.
struct TransferModel {
  Seconds latency{0};        ///< once per run, before the first byte
  Seconds per_operation{0};  ///< occupies the link, per block
  BytesPerSecond bandwidth;  ///< asymptotic payload rate, not line rate
  std::vector<CurvePoint> curve;

  /// Rate at which back-to-back operations of `size` bytes proceed on the idle link.
  BytesPerSecond rate(Bytes size) const;
  Seconds time(Bytes size, std::int64_t operations) const;
};

}  // namespace calvo::models
