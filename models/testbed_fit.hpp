// From micro-benchmarks of a testbed to the models that the simulator and the policies use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/linear_compute_model.hpp"
#include "models/transfer_model.hpp"

namespace calvo::models {

/// From the least to the most of what was measured along one axis of a fit.
struct FitRange {
  const char* axis = "";  ///< as calibration files call it
  std::int64_t least = 0;
  std::int64_t most = 0;
};

/// How far to trust a fit: relative errors over its own points, and where these lay. Beyond its
/// ranges a fit is an extrapolation.
struct FitQuality {
  int points = 0;
  double median_error = 0;
  double p90_error = 0;
  double worst_error = 0;
  std::vector<FitRange> ranges;
};

/// `operations` back-to-back operations of `size` bytes took `time`, the median of some repeats.
struct TransferPoint {
  Bytes size;
  std::int64_t operations = 1;
  Seconds time{0};
};

struct TransferFit {
  TransferModel model;  ///< latency, per_operation, bandwidth; no curve
  FitQuality quality;   ///< ranges: size (bytes), operations
};

/// Requires: at least 3 points, of two sizes and two counts; times > 0.
TransferFit fit_transfer(std::span<const TransferPoint> points);

/// A step of one prompt part or of `sequences` decodes over `context` tokens in all took `time`.
struct StepPoint {
  Tokens new_tokens;  ///< 0: decodes only
  Tokens context;     ///< before the part; of all sequences, for decodes
  std::int64_t sequences = 0;
  Seconds time{0};
};

struct ComputeFit {
  LinearComputeModel::Options options;
  FitQuality prefill;  ///< ranges: new_tokens, prefix
  FitQuality decode;   ///< ranges: batch, context (of all sequences together)
};

/// Requires: at least 3 points of each kind; times > 0.
ComputeFit fit_compute(std::span<const StepPoint> points, std::int32_t layers);

}  // namespace calvo::models
