#include "realrun/devices/device.hpp"

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

}  // namespace calvo::realrun
