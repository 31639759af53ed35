// Measured times of single kernels on one kind of GPU, as shipped in data/hardware/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace calvo::models {

/// A table whose rows have integer keys and one time for each value of the last axis.
struct WideTable {
  struct Row {
    std::vector<std::int64_t> key;
    std::vector<double> x;        ///< measured values of the last axis, increasing
    std::vector<double> seconds;  ///< one for each x
  };
  std::string file;
  std::vector<Row> rows;  ///< in the order of the file

  /// Reads PATH, gzip or plain: a header `key_columns..., 1, 2, 4, ...`, then rows of integers and
  /// microseconds, an empty cell where nothing was measured. Throws InputError.
  static WideTable load(const std::string& path, std::span<const char* const> key_columns);
};

/// bf16 times on one GPU of each kind of kernel; the keys of the rows are in brackets.
struct KernelTables {
  WideTable gemm;            ///< [n, k] by m: (m x k) times (k x n)
  WideTable context;         ///< [q_heads, kv_heads, head_dim, window, batch] by prompt length
  WideTable generation;      ///< [the same] by tokens in the cache, one query token a sequence
  WideTable moe;             ///< [hidden, moe_ffn, top_k, experts, tensor_parallel] by tokens
  WideTable mla_context;     ///< [local_heads, batch] by prompt length, projections included
  WideTable mla_generation;  ///< [local_heads, batch] by tokens in the cache, the same
  WideTable allreduce;       ///< [gpus] by 16-bit elements

  /// Reads DIRECTORY/PREFIX_{gemm,...}.csv.gz. Throws InputError. Cost: a few milliseconds.
  static KernelTables load(const std::string& directory, const std::string& prefix);
};

}  // namespace calvo::models
