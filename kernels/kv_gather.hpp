#pragma once

#include <cstddef>
#include <cstdint>

#include "core/units.hpp"

namespace calvo::kernels {

/// Copies between scattered pages and one contiguous staging buffer, and says what it has copied:
///
///   gather:  staging[i][:] = pool[table[i]][:]        for 0 <= i < blocks
///   scatter: pool[table[i]][:] = staging[i][:]
///   checksums[i] = copy_checksum(staging[i])
///
/// Requires: pool and staging are 16-byte aligned and do not overlap; block_size is a multiple of
///           16 bytes; 0 <= table[i] < pages of the pool. Gathering may name a page more than once,
///           scattering may not. checksums [blocks] or null.
/// Bound:    memory traffic, 2 * blocks * block_size bytes.
struct KvCopy {
  std::byte* pool = nullptr;            ///< [pages][block_size]
  const std::int32_t* table = nullptr;  ///< [blocks]
  std::byte* staging = nullptr;         ///< [blocks][block_size]
  std::uint64_t* checksums = nullptr;
  std::int64_t blocks = 0;
  Bytes block_size;
};

void kv_gather_reference(const KvCopy& args);
void kv_scatter_reference(const KvCopy& args);

/// Sum over the 8-byte words w[k] of mix_bits(w[k] + (k + 1) * 0x9e3779b97f4a7c15), modulo 2^64:
/// any order of summing gives the same, so that a thousand GPU threads can share the work. A
/// changed bit always changes it, words that changed places do too (but for 1 in 2^64). Requires:
/// size is a multiple of 8 bytes.
std::uint64_t copy_checksum(const std::byte* data, Bytes size);

}  // namespace calvo::kernels
