#include "models/transfer_model.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"

namespace calvo::models {

namespace {

// Linear in log(size) between two points, constant beyond the ends.
double curve_at(const std::vector<CurvePoint>& curve, Bytes size) {
  const auto above = std::ranges::lower_bound(curve, size, {}, &CurvePoint::size);
  if (above == curve.begin()) return curve.front().bandwidth.count();
  if (above == curve.end()) return curve.back().bandwidth.count();
  const CurvePoint& below = *(above - 1);
  const double span =
      std::log(static_cast<double>(above->size.count()) / static_cast<double>(below.size.count()));
  const double part =
      std::log(static_cast<double>(size.count()) / static_cast<double>(below.size.count())) / span;
  return below.bandwidth.count() + part * (above->bandwidth.count() - below.bandwidth.count());
}

}  // namespace

BytesPerSecond TransferModel::rate(Bytes size) const {
  CALVO_EXPECT(size.count() > 0);
  CALVO_EXPECT(bandwidth.count() > 0);
  const BytesPerSecond law = std::min(bandwidth, size / (per_operation + size / bandwidth));
  return curve.empty() ? law : std::min(law, BytesPerSecond{curve_at(curve, size)});
}

Seconds TransferModel::time(Bytes size, std::int64_t operations) const {
  CALVO_EXPECT(operations >= 0);
  if (operations == 0) return Seconds{0};
  return latency + static_cast<double>(operations) * (size / rate(size));
}

}  // namespace calvo::models
