#pragma once

#include <limits>

#include <cuda_runtime.h>

#include "core/contract.hpp"
#include "kernels/gpu/cuda_check.hpp"
#include "kernels/gpu/simt.hpp"
#include "kernels/gpu/stream.hpp"

namespace calvo::kernels::gpu {

/// Queues `kernel`; nothing if it has no thread blocks. `what` names it in errors.
template <class Args>
void launch(void (*kernel)(Args), const simt::LaunchShape& shape, Stream stream, const char* what,
            const Args& args) {
  CALVO_EXPECT(0 <= shape.blocks && shape.blocks <= std::numeric_limits<std::int32_t>::max());
  if (shape.blocks == 0) return;
  if (shape.shared_bytes > 48 << 10) {  // more than a kernel gets unasked
    cuda_check(
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, shape.shared_bytes),
        what);
  }
  kernel<<<static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.threads),
           static_cast<std::size_t>(shape.shared_bytes), stream>>>(args);
  cuda_check(cudaGetLastError(), what);
}

inline bool aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % sizeof(simt::Word) == 0;
}

}  // namespace calvo::kernels::gpu
