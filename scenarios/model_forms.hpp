// A model of the catalogue with fewer or more layers than it has.
#pragma once

#include "core/yaml_tree.hpp"

namespace calvo::scenarios {

/// A model with other `layers` than `base` is that one scaled. What it does not say itself follows:
/// `dense_layers` (the base's, but no more than there are), `window_layers` (the same share),
/// `parameters` and `active_parameters` (embedding and head stay, the rest goes with the layers),
/// and a name that says so: "Llama-3.1-70B, 20 of 80 layers".
void scale_layers(YamlNode& model, const YamlNode& base);

}  // namespace calvo::scenarios
