// Values of an axis: lists, ranges, and what they are as numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/yaml_tree.hpp"

namespace calvo::sweeps {

/// A number with what follows it: "0.5 /s", "400 Gbit/s", "3".
struct Quantity {
  double number = 0;
  std::string unit;  ///< as it is written, may be empty
};

/// None if `text` does not begin with a finite number.
std::optional<Quantity> read_quantity(const std::string& text);

/// "0.5 /s"; the number with at most nine digits.
std::string to_text(const Quantity& quantity);

/// The values of the axis or list `path`: a list as it stands, or a range {from, to, points | step,
/// scale} spelt out. Throws InputError at its place.
std::vector<YamlNode> expand_values(const YamlNode& node, const std::string& path);

/// A value in one line, as flow-style YAML.
std::string one_line(const YamlNode& node);

/// What a value is in the base unit of its kind.
struct BaseValue {
  double number = 0;
  std::string unit;  ///< "/s", "B/s", "B", "s", "flop/s", "" for plain numbers and shares
};
/// None if it is no quantity that scenarios know.
std::optional<BaseValue> base_value(const std::string& text);

}  // namespace calvo::sweeps
