// What an iteration's time is made of, for one model on one kind of GPU: curves and surfaces in
// seconds, all layers together, taken from the kernel tables or, where they have nothing, from the
// roofline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/curve.hpp"
#include "models/hardware.hpp"
#include "models/kernel_tables.hpp"
#include "models/model_shape.hpp"

namespace calvo::models {

/// F(x): pairs of a query and a key in a prompt of `tokens`, x^2 / 2, or w^2 / 2 + (x - w) w beyond
/// a window of w tokens (0: none).
inline double query_key_pairs(double tokens, double window) {
  return window > 0 && tokens > window ? window * window / 2 + (tokens - window) * window
                                       : tokens * tokens / 2;
}

/// The attention of some layers. A prompt part of n tokens over c tokens of context does the work
/// F(c + n) - F(c).
struct AttentionPart {
  Surface context;    ///< [parts] by the work of one part
  Surface decode;     ///< [sequences] by mean tokens in the cache
  double window = 0;  ///< tokens; 0: none
  /// MLA: a prompt part either expands its context's latent vectors to keys and values (seconds a
  /// context token), or works on them as they are (seconds a query-key pair). 0: not MLA.
  double expand = 0;
  double absorbed = 0;
};

/// Where a part of the model comes from: "tables", "nearest table (...)" or "roofline".
struct PartSource {
  std::string part;
  std::string source;
};

struct StepParts {
  Curve per_token;     ///< projections, FFN, experts, all-reduce, by tokens of the step
  Curve per_sequence;  ///< vocabulary projection, by sequences that get a token
  std::vector<AttentionPart> attention;
  std::vector<PartSource> sources;
};

/// Parts on one of `tensor_parallel` GPUs, without any engine overhead. `tables` may be null.
/// Requires: tensor_parallel divides shape.q_heads.
StepParts make_step_parts(const ModelShape& shape, const GpuSpec& gpu, std::int32_t tensor_parallel,
                          const KernelTables* tables);

/// Seconds by m of one GEMM (m x k) times (k x n): log-log bilinear in (n, k) between measured
/// shapes, the nearest one scaled by n * k elsewhere. Requires: table not empty.
Curve gemm_curve(const WideTable& table, std::int64_t n, std::int64_t k);

}  // namespace calvo::models
