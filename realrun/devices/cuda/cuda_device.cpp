#include "realrun/devices/cuda/cuda_device.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "realrun/devices/cuda/cuda_copies.hpp"
#include "realrun/devices/cuda/cuda_transformer.hpp"
#include "realrun/devices/cuda/memory_plan.hpp"
#include "realrun/devices/mapped_memory.hpp"
#include "realrun/devices/numa.hpp"
#include "realrun/devices/thread_tools.hpp"

namespace calvo::realrun {
namespace {

constexpr int least_capability = 90;  // what kernels/gpu is built for
/// What the driver takes for kernels, graphs and streams while it runs.
constexpr std::int64_t head_room = 512 << 20;
constexpr double gib = 1 << 30;

[[noreturn]] void refuse(const std::string& where, const std::string& problem) {
  throw InputError({"device cuda", 0, 0}, where, problem);
}

/// A GPU of this machine, made the calling thread's.
struct Gpu {
  int index = 0;
  cudaDeviceProp properties{};
  std::optional<int> numa_node;

  explicit Gpu(std::int32_t instance) {
    int count = 0;
    cuda_check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    index = instance % count;
    cuda_check(cudaSetDevice(index), "cudaSetDevice");
    cuda_check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    std::array<char, 32> bus_id{};
    cuda_check(cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), index),
               "cudaDeviceGetPCIBusId");
    numa_node = numa_node_of_pci(bus_id.data());
  }

  std::string name() const { return fmt::format("{} (GPU {})", properties.name, index); }
};

/// Pinned, near the GPU.
class HostPool {
public:
  HostPool(std::int64_t bytes, const Gpu& gpu)
      : memory_(bytes, MappedMemory::Pin::no, "host memory", gpu.numa_node),
        registration_(pin(memory_.bytes())) {}

  std::span<std::byte> bytes() const { return memory_.bytes(); }
  std::optional<int> numa_node() const { return memory_.numa_node(); }

private:
  static Registration pin(std::span<std::byte> memory) {
    try {
      return Registration(memory);
    } catch (const kernels::gpu::CudaError& error) {
      refuse("host memory",
             fmt::format("the driver does not pin {:.1f} GiB ({}); take less memory.host",
                         static_cast<double>(memory.size()) / gib, error.what()));
    }
  }

  MappedMemory memory_;
  Registration registration_;
};

class CudaDevice final : public Device {
public:
  CudaDevice(const DeviceOptions& options, Gpu gpu)
      : options_(options),
        gpu_(std::move(gpu)),
        pages_((options.pages + 1) * page_bytes(options)),
        host_(options.host_bytes, gpu_),
        model_(options_, pages_.at<kernels::Bf16>(0), gpu_.properties.multiProcessorCount),
        copies_(gpu_.index, pages_.data(), host_.bytes(), options_) {
    cuda_check(cudaMemsetAsync(pages_.data(), 0, static_cast<std::size_t>(pages_.bytes()),
                               model_.stream().get()),
               "cudaMemset");
    cuda_check(cudaStreamSynchronize(model_.stream().get()), "cudaMemset");
  }

  std::string description() const override {
    return fmt::format("cuda: {} in bf16 on {}, {}", options_.shape.name, gpu_.name(),
                       nearness(gpu_.numa_node, host_.numa_node()));
  }
  const DeviceOptions& options() const override { return options_; }
  std::span<std::byte> host_memory() override { return host_.bytes(); }
  bool host_memory_locked() const override { return !host_.bytes().empty(); }
  CopyEngine& copies() override { return copies_; }
  std::int64_t graph_steps() const { return model_.graph_steps(); }

  void step(const StepInput& input, std::vector<SequenceResult>& results) override {
    expect_valid(options_, input.sequences);
    pin_this_thread(options_.compute_core);
    cuda_check(cudaSetDevice(gpu_.index), "cudaSetDevice");
    results.assign(input.sequences.size(), {});
    model_.step(input, results);
  }

  std::vector<std::byte> read_page(std::int32_t page) override {
    CALVO_EXPECT(0 <= page && page < options_.pages);
    cuda_check(cudaSetDevice(gpu_.index), "cudaSetDevice");
    std::vector<std::byte> bytes(static_cast<std::size_t>(page_bytes(options_)));
    cuda_check(cudaMemcpyAsync(bytes.data(), pages_.data() + page * page_bytes(options_),
                               bytes.size(), cudaMemcpyDeviceToHost, model_.stream().get()),
               "cudaMemcpyAsync");
    cuda_check(cudaStreamSynchronize(model_.stream().get()), "cudaMemcpyAsync");
    return bytes;
  }

private:
  DeviceOptions options_;
  Gpu gpu_;
  DeviceMemory pages_;
  HostPool host_;
  CudaTransformer model_;
  CudaCopies copies_;  ///< last: its threads use pages_ and host_
};

std::unique_ptr<Device> make_on_gpu(const DeviceOptions& options) {
  Gpu gpu(options.instance);
  DeviceNeed need = device_need(options);
  need.working +=
      CudaCopies::staging_bytes(options) + CudaTransformer::more_bytes(options) + head_room;
  std::size_t free = 0;
  std::size_t total = 0;
  cuda_check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  if (const std::string problem = memory_problem(need, static_cast<std::int64_t>(free), gpu.name());
      !problem.empty()) {
    refuse("memory", problem);
  }
  return std::make_unique<CudaDevice>(options, std::move(gpu));
}

}  // namespace

std::optional<std::string> cuda_missing() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (driver == 0) return "there is no NVIDIA driver";
    return fmt::format("the NVIDIA driver knows CUDA {}.{}, and this build needs {}.{}",
                       driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
                       CUDART_VERSION % 1000 / 10);
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    return "there is no NVIDIA GPU";
  }
  if (status != cudaSuccess) {
    return fmt::format("the NVIDIA driver says: {}", cudaGetErrorString(status));
  }
  for (int gpu = 0; gpu < count; ++gpu) {
    int major = 0;
    int minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, gpu);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, gpu);
    if (10 * major + minor >= least_capability) continue;
    return fmt::format(
        "NVIDIA GPU {} has compute capability {}.{}, and kernels need {}.{} (hide "
        "it with CUDA_VISIBLE_DEVICES)",
        gpu, major, minor, least_capability / 10, least_capability % 10);
  }
  return std::nullopt;
}

std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options) {
  CALVO_EXPECT(options.block_tokens > 0 && options.pages > 0 && options.host_bytes >= 0);
  if (const std::string problem = shape_problem(options.shape); !problem.empty()) {
    refuse("model", problem);
  }
  if (const std::string problem = option_problem(options); !problem.empty()) refuse("", problem);
  expect_core(options.copy_core, "copy core");
  expect_core(options.compute_core, "compute core");
  try {
    return make_on_gpu(options);
  } catch (const kernels::gpu::CudaError& error) {
    refuse("", fmt::format("it cannot be made: {}", error.what()));
  }
}

std::int64_t graph_steps(const Device& device) {
  return dynamic_cast<const CudaDevice&>(device).graph_steps();
}

}  // namespace calvo::realrun
