#pragma once

#include <cstdint>

#include "kernels/kv_layout.hpp"

namespace calvo::kernels::gpu {

/// The new tokens of a step, as kernels see them: row by row, sequence after sequence. Row r of
/// sequence s has position first[s] + (r - row_begin[s]), and position p of it lies in page
/// pages[page_begin[s] + p / block_tokens]. Device pointers.
struct RaggedBatch {
  std::int32_t sequences = 0;
  std::int32_t rows = 0;
  const std::int32_t* row_begin = nullptr;     ///< [sequences + 1], ascending, 0 ... rows
  const std::int32_t* row_sequence = nullptr;  ///< [rows]: the sequence of a row
  const std::int32_t* first = nullptr;         ///< [sequences]: tokens before its new ones
  const std::int32_t* page_begin = nullptr;    ///< [sequences]
  const std::int32_t* pages = nullptr;         ///< page tables, one behind the other
};

/// One layer of the KV pages of a device. Device pointer, 16-byte aligned.
struct PagedLayer {
  Bf16* pool = nullptr;  ///< [pages of the device][layout.page_values()]
  KvLayout layout{};     ///< head_dim a multiple of 8
  std::int32_t layer = 0;
};

}  // namespace calvo::kernels::gpu
