#include "scenarios/names.hpp"

#include <array>

namespace calvo::scenarios {

#define CALVO_NAMES_OF(Enum, ...)                                               \
  template <>                                                                   \
  std::span<const std::string_view> names_of<Enum>() {                          \
    static constexpr auto all = std::to_array<std::string_view>({__VA_ARGS__}); \
    return all;                                                                 \
  }

CALVO_NAMES_OF(FlowBackend, "fluid", "simgrid", "pure")
CALVO_NAMES_OF(Granularity, "run", "block")
CALVO_NAMES_OF(DecodeMode, "leap", "step")
CALVO_NAMES_OF(FaultKind, "down", "slow")
CALVO_NAMES_OF(models::TopologyKind, "single_node", "star", "leaf_spine")
CALVO_NAMES_OF(traces::WorkloadKind, "trace", "synthetic", "requests")
CALVO_NAMES_OF(traces::Play, "automatic", "open_loop", "closed_loop")
CALVO_NAMES_OF(traces::ContextLimit, "drop", "truncate")
CALVO_NAMES_OF(traces::ArrivalKind, "poisson", "gamma", "mmpp", "uniform", "at_once", "servegen",
               "trace")
CALVO_NAMES_OF(traces::LengthKind, "fixed", "uniform", "lognormal", "empirical")
CALVO_NAMES_OF(traces::LengthColumn, "input", "output")
CALVO_NAMES_OF(traces::CalvoDataset, "loogle", "icl", "code")

#undef CALVO_NAMES_OF

}  // namespace calvo::scenarios
