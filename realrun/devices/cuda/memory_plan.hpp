// How much of a GPU's memory a device takes, and how its work space is laid out: known before
// anything is allocated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/model_shape.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// Arrays one behind the other in one piece of memory, each aligned to 256 bytes.
class Arena {
public:
  /// Where it begins.
  std::int64_t add(std::int64_t bytes);
  std::int64_t bytes() const { return bytes_; }

private:
  std::int64_t bytes_ = 0;
};

/// What a part of a step may hold at most; a larger step is computed in parts.
struct StepLimits {
  std::int32_t rows = 0;  ///< new tokens
  std::int32_t sequences = 0;
  std::int32_t pages = 0;  ///< entries of all page tables

  bool operator==(const StepLimits&) const = default;
};
/// 8,192 rows, 256 sequences, 2^18 pages or all of the device's, and no more than these can be.
StepLimits step_limits(const DeviceOptions& options);

/// Offsets of the arrays between kernels. bf16 [rows][...] but where it says else.
struct StepArena {
  std::int64_t residual = 0;  ///< [rows][hidden]
  std::int64_t norm = 0;      ///< [rows][hidden]
  std::int64_t delta = 0;     ///< [rows][hidden], what a layer's half adds to the residual
  std::int64_t qkv = 0;       ///< [rows][q + 2 kv]
  std::int64_t mixed = 0;     ///< [rows][q], attention's output
  std::int64_t gate_up = 0;   ///< [rows][2 ffn]
  std::int64_t inner = 0;     ///< [rows][ffn]
  std::int64_t rope = 0;      ///< float [rows][head_dim]
  std::int64_t logits = 0;    ///< float [sequences][logits_stride]
  std::int64_t bytes = 0;
};
StepArena step_arena(const models::ModelShape& shape, const StepLimits& limits);
/// Floats between two rows of logits: the vocabulary, rounded up to what kernels and products need.
std::int64_t logits_stride(const models::ModelShape& shape);

/// Values of queries, keys and values of a token.
std::int64_t query_values(const models::ModelShape& shape);
std::int64_t kv_values(const models::ModelShape& shape);

struct DeviceNeed {
  std::int64_t weights = 0;
  std::int64_t pages = 0;    ///< one more than asked for: sequences that pad a batch write into it
  std::int64_t working = 0;  ///< between kernels, of copies, of products
  std::int64_t bytes() const { return weights + pages + working; }
};

/// `working` beyond step_arena() is the caller's to add.
DeviceNeed device_need(const DeviceOptions& options);
/// Bytes of the weights on a GPU: matrices in bf16, norms in float, each aligned as in an Arena.
std::int64_t gpu_weight_bytes(const models::ModelShape& shape);

/// Why `need` does not fit into `free` bytes, with what to do about it; empty: it does.
std::string memory_problem(const DeviceNeed& need, std::int64_t free, const std::string& gpu);

/// Why a GPU cannot compute `options`, with what to do about it; empty: it can.
std::string shape_problem(const models::ModelShape& shape);
std::string option_problem(const DeviceOptions& options);

}  // namespace calvo::realrun
