#include "scenarios/model_forms.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {
namespace {

/// Nothing where there is none: who reads the field says what is wrong with it.
std::optional<double> number(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.find(key);
  if (node == nullptr || node->kind != YamlNode::Kind::scalar) return std::nullopt;
  double value = 0;
  const char* end = node->text.data() + node->text.size();
  const auto [stop, error] = std::from_chars(node->text.data(), end, value);
  if (error != std::errc{} || stop != end || !(value > 0)) return std::nullopt;
  return value;
}

}  // namespace

void scale_layers(YamlNode& model, const YamlNode& base) {
  const std::optional<double> layers = number(model, "layers");
  const std::optional<double> of = number(base, "layers");
  if (!layers || !of || *layers == *of) return;
  const double share = *layers / *of;
  if (const YamlNode* name = base.find("name")) {
    set_default(model, "name",
                fmt::format("{}, {:.0f} of {:.0f} layers", name->text, *layers, *of));
  }
  if (const auto dense = number(base, "dense_layers")) {
    set_default(model, "dense_layers", fmt::format("{:.0f}", std::min(*dense, *layers)));
  }
  if (const auto windows = number(base, "window_layers")) {
    set_default(model, "window_layers", fmt::format("{:.0f}", *windows * share));
  }
  const double side = number(base, "vocab").value_or(0) * number(base, "hidden").value_or(0) / 1e9;
  const auto scale = [&](const char* key, double outside) {
    const auto all = number(base, key);
    if (!all) return;
    const double kept = std::min(*all, outside);
    set_default(model, key, fmt::format("{:.4g}", kept + (*all - kept) * share));
  };
  scale("parameters", 2 * side);  // embedding and head
  scale("active_parameters", side);
}

}  // namespace calvo::scenarios
