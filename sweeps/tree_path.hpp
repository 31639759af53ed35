// Keys of a scenario as dotted paths into its tree.
#pragma once

#include <string>
#include <string_view>

#include "core/yaml_tree.hpp"
#include "scenarios/load.hpp"

namespace calvo::sweeps {

/// The node at a dotted path, items of lists by index; null if it is not there.
const YamlNode* node_at(const YamlNode& root, std::string_view path);

/// Its text; empty if there is no plain value.
std::string text_at(const YamlNode& root, std::string_view path);

/// The setting key = text, that stands where nothing else does.
scenarios::Setting setting(std::string key, std::string text);

}  // namespace calvo::sweeps
