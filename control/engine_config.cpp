#include "control/engine_config.hpp"

#include <array>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::control {

// One row per enum: its values as YAML spells them, in the order of the enumerators.
#define CALVO_NAMES(Enum, ...)                                                  \
  template <>                                                                   \
  std::span<const std::string_view> names<Enum>() {                             \
    static constexpr auto all = std::to_array<std::string_view>({__VA_ARGS__}); \
    return all;                                                                 \
  }

CALVO_NAMES(Coupling, "serial", "decoupled")
CALVO_NAMES(NetworkStart, "in_step", "at_admission", "first_probe", "on_arrival")
CALVO_NAMES(PcieStart, "in_step", "at_batch", "on_landing")
CALVO_NAMES(GpuMemory, "at_load_begin", "at_network_issue", "at_copy_issue", "whole_request")
CALVO_NAMES(NoSpace, "break", "skip", "recompute")
CALVO_NAMES(LoadAdmission, "free", "free_minus_reserved")
CALVO_NAMES(LoadStop, "wait", "best_effort", "timeout")
CALVO_NAMES(Late, "in_order", "last", "recompute")
CALVO_NAMES(Cut, "never", "block")
CALVO_NAMES(StepWaitsFor, "all_loads", "own_loads", "layers")
CALVO_NAMES(CompletionSeen, "at_event", "at_step")
CALVO_NAMES(Preempt, "newest", "none")
CALVO_NAMES(Write, "none", "through", "selective", "on_evict")
CALVO_NAMES(Restore, "load_all", "recompute_all", "cheaper", "soonest")

#undef CALVO_NAMES

std::uint32_t storage_node_of(std::uint64_t block, std::int64_t extent, std::int32_t nodes) {
  CALVO_EXPECT(extent > 0 && nodes > 0);
  const std::uint64_t x = mix_bits(block / static_cast<std::uint64_t>(extent));
  return static_cast<std::uint32_t>(x % static_cast<std::uint64_t>(nodes));
}

}  // namespace calvo::control
