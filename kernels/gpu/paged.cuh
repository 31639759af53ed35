#pragma once

#include "kernels/gpu/batch.hpp"
#include "kernels/gpu/simt.hpp"

namespace calvo::kernels::gpu {

/// Where the keys of a position lie in the pool; the values lie a plane behind.
CALVO_DEVICE std::int64_t keys_offset(const RaggedBatch& batch, const PagedLayer& kv,
                                      std::int32_t sequence, std::int32_t position) {
  const std::int32_t page =
      batch.pages[batch.page_begin[sequence] + position / kv.layout.block_tokens];
  return page * kv.layout.page_values() +
         kv.layout.keys(kv.layer, position % kv.layout.block_tokens);
}

}  // namespace calvo::kernels::gpu
