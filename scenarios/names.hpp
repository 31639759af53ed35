// How YAML spells the enumerators that scenarios may set, in their order.
#pragma once

#include <span>
#include <string_view>

#include "control/engine_config.hpp"
#include "models/hardware.hpp"
#include "scenarios/scenario.hpp"
#include "traces/workload_options.hpp"

namespace calvo::scenarios {

/// Engine switches are spelt by control/.
template <class Enum>
std::span<const std::string_view> names_of() {
  return control::names<Enum>();
}
template <>
std::span<const std::string_view> names_of<FlowBackend>();
template <>
std::span<const std::string_view> names_of<Granularity>();
template <>
std::span<const std::string_view> names_of<DecodeMode>();
template <>
std::span<const std::string_view> names_of<FaultKind>();
template <>
std::span<const std::string_view> names_of<models::TopologyKind>();
template <>
std::span<const std::string_view> names_of<traces::WorkloadKind>();
template <>
std::span<const std::string_view> names_of<traces::Play>();
template <>
std::span<const std::string_view> names_of<traces::ContextLimit>();
template <>
std::span<const std::string_view> names_of<traces::ArrivalKind>();
template <>
std::span<const std::string_view> names_of<traces::LengthKind>();
template <>
std::span<const std::string_view> names_of<traces::LengthColumn>();
template <>
std::span<const std::string_view> names_of<traces::CalvoDataset>();

}  // namespace calvo::scenarios
