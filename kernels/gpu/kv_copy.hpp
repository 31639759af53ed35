#pragma once

#include <cstddef>
#include <cstdint>

#include "core/units.hpp"
#include "kernels/gpu/stream.hpp"
#include "kernels/kv_layout.hpp"

namespace calvo::kernels::gpu {

/// A run of bytes of a page.
struct PageRange {
  Bytes offset{};
  Bytes size{};
};

/// Where layers [first_layer, first_layer + layers) lie in a page.
constexpr PageRange layer_range(const KvLayout& layout, std::int32_t first_layer,
                                std::int32_t layers) {
  const std::int64_t layer_bytes = 4 * layout.plane_values();
  return {Bytes{first_layer * layer_bytes}, Bytes{layers * layer_bytes}};
}

/// Copies between scattered pages and staging memory, and says what it has copied:
///
///   page(i)   = pool + table[i] * page_size + range.offset
///   gather:   staging[i * staging_stride + j] = page(i)[j]     for 0 <= j < range.size
///   scatter:  page(i)[j] = staging[i * staging_stride + j]
///   checksums[i] = kernels::copy_checksum of the range.size bytes copied
///
/// Requires: pool and staging 16-byte aligned, not overlapping; page_size, staging_stride, offset
///           and size multiples of 16 bytes; range within the page, size <= staging_stride;
///           table names pages of the pool, scattering none twice. checksums [blocks] or null.
///           All pointers are the device's (pinned host memory works as well, at PCIe speed).
/// Bound:    memory traffic, 2 * blocks * range.size bytes.
/// Reference: kernels::kv_gather_reference, kernels::kv_scatter_reference. Exact.
struct KvCopy {
  std::byte* pool = nullptr;            ///< [pages][page_size]
  const std::int32_t* table = nullptr;  ///< [blocks]
  std::byte* staging = nullptr;         ///< [blocks][staging_stride]
  std::uint64_t* checksums = nullptr;
  std::int64_t blocks = 0;
  Bytes page_size{};
  Bytes staging_stride{};
  PageRange range{};  ///< what of each page: {Bytes{0}, page_size} for all of it
};

/// Queued on `stream`, not awaited (so are all launches of this folder). Throws CudaError if the
/// launch is refused.
void kv_gather(const KvCopy& args, Stream stream);
void kv_scatter(const KvCopy& args, Stream stream);

}  // namespace calvo::kernels::gpu
