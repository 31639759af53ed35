// Names in a scenario become what they stand for, before anything is read: engines from
// scenarios/engines/, models and hardware from scenarios/catalogue/.
#pragma once

#include <string>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::scenarios {

/// Keys whose value may be a mere name; a mapping there takes what it does not say from `base`.
inline constexpr std::string_view named_keys[] = {"engine",
                                                  "model",
                                                  "hardware.gpu",
                                                  "hardware.gpu.pcie",
                                                  "hardware.nic",
                                                  "hardware.serving_nic",
                                                  "hardware.storage_nic"};

/// Replaces every name under `named_keys`, and DRAM kinds, by its mapping: the entry's, with the
/// keys that the scenario gives beside `base` laid over it. Places stay those of the text that each
/// value comes from. What stands under "every_engine" comes between an engine and its changes.
/// Throws InputError for an unknown name, with the nearest ones.
void expand_names(YamlNode& root, const SearchPath& search);

/// A named engine.
struct EngineRow {
  std::string name;
  std::string description;
  std::string file;
};

/// The engines of all roots, by name; of two with one name that of the earlier root.
std::vector<EngineRow> list_engines(const SearchPath& search);

/// The folder with the catalogue. Throws InputError if no root has one.
std::string catalogue_folder(const SearchPath& search);

}  // namespace calvo::scenarios
