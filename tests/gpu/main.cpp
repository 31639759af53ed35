// Runs the tests where there is a GPU. Where there is none it says so and skips, or fails if
// CALVO_REQUIRE_GPU=1: on a machine that has one, a skipped test would be a failed one.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

namespace {

bool gpu_required() {
  const char* value = std::getenv("CALVO_REQUIRE_GPU");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int gpus = 0;
  const cudaError_t status = cudaGetDeviceCount(&gpus);
  if (!GTEST_FLAG_GET(list_tests) && (status != cudaSuccess || gpus == 0)) {
    std::printf("%s: no GPU (%s)\n", gpu_required() ? "failed" : "skipped",
                cudaGetErrorString(status));
    return gpu_required() ? 1 : 0;
  }
  return RUN_ALL_TESTS();
}
