// cuBLASLt's functions, found when the first of them is called. A program that links with the
// library has its 92 KiB of thread-local memory in the stack of every thread, and threads that ask
// for a small stack (those of a metrics server) cannot be started any more.
#include <string>
#include <string_view>

#include <cublasLt.h>
#include <dlfcn.h>

#include "kernels/gpu/cuda_check.hpp"

namespace {

void* library() {
  static void* const handle = [] {
    for (const std::string_view name : {CALVO_CUBLASLT_NAME, CALVO_CUBLASLT_FILE}) {
      if (name.empty()) continue;  // not found when this was built; "" would be this program
      if (void* const opened = ::dlopen(name.data(), RTLD_NOW | RTLD_LOCAL)) return opened;
    }
    throw calvo::kernels::gpu::CudaError(
        std::string(CALVO_CUBLASLT_NAME) +
        " cannot be loaded; add its folder to LD_LIBRARY_PATH: " + ::dlerror());
  }();
  return handle;
}

template <class Function>
Function* find(const char* name) {
  void* const found = ::dlsym(library(), name);
  if (found == nullptr) {
    throw calvo::kernels::gpu::CudaError(std::string(CALVO_CUBLASLT_NAME) + " has no " + name);
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace

#define CALVO_FORWARD(name, ...)                          \
  static auto* const found = find<decltype(name)>(#name); \
  return found(__VA_ARGS__)

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  CALVO_FORWARD(cublasLtCreate, handle);
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  CALVO_FORWARD(cublasLtDestroy, handle);
}
const char* cublasLtGetStatusName(cublasStatus_t status) {
  CALVO_FORWARD(cublasLtGetStatusName, status);
}
cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t description, size_t size,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  CALVO_FORWARD(cublasLtMatmulDescInit_internal, description, size, compute, scale);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, size_t size) {
  CALVO_FORWARD(cublasLtMatmulDescSetAttribute, description, attribute, value, size);
}
cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t size,
                                                 cudaDataType type, uint64_t rows, uint64_t columns,
                                                 int64_t stride) {
  CALVO_FORWARD(cublasLtMatrixLayoutInit_internal, layout, size, type, rows, columns, stride);
}
cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference,
                                                     size_t size) {
  CALVO_FORWARD(cublasLtMatmulPreferenceInit_internal, preference, size);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t size) {
  CALVO_FORWARD(cublasLtMatmulPreferenceSetAttribute, preference, attribute, value, size);
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* given) {
  CALVO_FORWARD(cublasLtMatmulAlgoGetHeuristic, handle, description, a, b, c, d, preference, wanted,
                results, given);
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t size,
                              cudaStream_t stream) {
  CALVO_FORWARD(cublasLtMatmul, handle, description, alpha, a, a_layout, b, b_layout, beta, c,
                c_layout, d, d_layout, algorithm, workspace, size, stream);
}

}  // extern "C"
