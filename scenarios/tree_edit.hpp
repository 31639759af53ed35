// Changes to a YAML tree that keep the places of what they take.
#pragma once

#include <string>
#include <string_view>

#include "core/yaml_tree.hpp"

namespace calvo::scenarios {

/// Lays `over` on `under`: mappings merge, everything else is replaced.
void lay_over(YamlNode& under, const YamlNode& over);
void remove_key(YamlNode& map, std::string_view key);
/// Adds `key: value` at the end; the key stands where the value does. Makes `map` a mapping.
void put(YamlNode& map, const std::string& key, const YamlNode& value);
/// Adds `key: text` at the mapping's place if the key is missing; nothing if `map` is no mapping.
void set_default(YamlNode& map, const std::string& key, const std::string& text);
/// A value at the place of another.
YamlNode scalar_like(const YamlNode& place, const std::string& text);

}  // namespace calvo::scenarios
