// The models and the hardware that a scenario may name, as shipped in scenarios/catalogue/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/yaml_section.hpp"
#include "models/hardware.hpp"
#include "models/model_shape.hpp"

namespace calvo::models {

/// A link that a scenario may name: a NIC, a PCIe lane or a storage device, one direction.
struct LinkKind {
  std::string name;
  TransferModel link;
};

/// What a host's DRAM gives to transfers.
struct DramKind {
  std::string name;
  BytesPerSecond bandwidth;
};

struct Catalogue {
  std::vector<ModelShape> models;
  std::vector<GpuSpec> gpus;
  std::vector<LinkKind> pcie;  ///< alternatives to a GPU's own lane
  std::vector<LinkKind> nics;
  std::vector<DramKind> host_dram;
  std::vector<LinkKind> storage;

  /// Reads models.yaml and hardware.yaml of `directory`. Throws InputError.
  static Catalogue load(const std::string& directory);

  /// Null if there is none of that name.
  const ModelShape* find_model(std::string_view name) const;
  const GpuSpec* find_gpu(std::string_view name) const;
  const LinkKind* find_pcie(std::string_view name) const;
  const LinkKind* find_nic(std::string_view name) const;
  const DramKind* find_host_dram(std::string_view name) const;
  const LinkKind* find_storage(std::string_view name) const;
};

/// Names in the order of the file.
template <class Kind>
std::vector<std::string> names_of(const std::vector<Kind>& kinds) {
  std::vector<std::string> names;
  names.reserve(kinds.size());
  for (const Kind& kind : kinds) names.push_back(kind.name);
  return names;
}

/// The problem to report where `kinds` has no `name`: 'unknown WHAT "NAME"' and the remedy, the
/// nearest names or all of them.
template <class Kind>
std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<Kind>& kinds);

/// One entry of the catalogue, or one that a scenario writes out. A quantity is a value or a
/// mapping {value, source}; sources and notes are read over. Throws InputError, also for a shape
/// that no model can have; does not reject unknown keys (the caller does, when all is read).
ModelShape read_model(const YamlSection& section, const std::string& name);
GpuSpec read_gpu(const YamlSection& section, const std::string& name);
TransferModel read_transfer_model(const YamlSection& section);

}  // namespace calvo::models
