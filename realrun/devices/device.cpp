#include "realrun/devices/device.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "realrun/devices/cuda/cuda_device.hpp"
#include "realrun/devices/host_device.hpp"

namespace calvo::realrun {

std::int64_t page_bytes(const DeviceOptions& options) {
  return options.shape.kv_bytes_per_token().count() * options.block_tokens;
}

Seconds step_pace(const DeviceOptions& options, std::span<const SequenceStep> sequences) {
  Seconds pace = options.pace_step;
  for (const SequenceStep& sequence : sequences) {
    const auto count = static_cast<double>(sequence.tokens.size());
    const double attended = static_cast<double>(sequence.context) + count / 2;
    pace += count * (options.pace_token + attended / 1000 * options.pace_context);
  }
  return pace;
}

void expect_valid(const DeviceOptions& options, std::span<const SequenceStep> sequences) {
  for (const SequenceStep& sequence : sequences) {
    CALVO_EXPECT(!sequence.tokens.empty() && sequence.context >= 0);
    const std::int64_t end = sequence.context + static_cast<std::int64_t>(sequence.tokens.size());
    CALVO_EXPECT(end <= static_cast<std::int64_t>(sequence.pages.size()) * options.block_tokens);
    for (const std::int32_t page : sequence.pages) {
      CALVO_EXPECT(0 <= page && page < options.pages);
    }
    for (const std::int32_t token : sequence.tokens) {
      CALVO_EXPECT(0 <= token && token < options.shape.vocab);
    }
  }
}

// Adding a device: one file, one line here.
std::vector<DeviceInfo> devices() {
  return {
      {"host",
       "this machine's CPU: pages in RAM, real copies, a small transformer",
       {},
       make_host_device},
#ifdef CALVO_CUDA
      {"cuda", "an NVIDIA GPU", cuda_missing(), make_cuda_device},
#else
      {"cuda", "an NVIDIA GPU", "built without CUDA (CMake's CALVO_CUDA is OFF)", nullptr},
#endif
  };
}

DeviceInfo device(std::string_view name) {
  const std::vector<DeviceInfo> all = devices();
  const auto found = std::ranges::find(all, name, &DeviceInfo::name);
  if (found == all.end()) {
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const DeviceInfo& known : all) names.emplace_back(known.name);
    throw InputError({"device", 0, 0}, "",
                     "unknown device \"" + std::string(name) + "\"" + suggestion(name, names));
  }
  if (found->missing) {
    throw InputError({"device", 0, 0}, "",
                     "\"" + std::string(name) + "\" cannot be used here: " + *found->missing);
  }
  return *found;
}

}  // namespace calvo::realrun
