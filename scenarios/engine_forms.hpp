// Short forms of an engine's YAML, and the name of a changed engine.
#pragma once

#include "core/yaml_tree.hpp"

namespace calvo::scenarios {

/// Short forms become long ones, so that laying one engine over another does what it says:
/// `order: X` is all three orders, `X` is {policy: X, ageing: 0}, "unbounded" is a window of both.
void write_out(YamlNode& engine);

/// An engine that differs from its base says so in its name: calvo+cut=never.
void name_changes(YamlNode& engine);

}  // namespace calvo::scenarios
