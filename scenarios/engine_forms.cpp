#include "scenarios/engine_forms.hpp"

#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {

using Kind = YamlNode::Kind;

void write_out(YamlNode& engine) {
  static constexpr const char* orders[] = {"network_order", "pcie_order", "prefill_order"};
  static constexpr const char* windows[] = {"network_window", "pcie_window", "write_window"};
  if (const YamlNode* order = engine.find("order")) {
    const YamlNode all = *order;
    for (const char* key : orders) {
      if (engine.find(key) == nullptr) put(engine, key, all);
    }
    remove_key(engine, "order");
  }
  for (const char* key : orders) {
    YamlNode* order = engine.find(key);
    if (order == nullptr || order->kind != Kind::scalar) continue;
    YamlNode map = scalar_like(*order, "");
    put(map, "policy", *order);
    put(map, "ageing", scalar_like(*order, "0"));
    *order = map;
  }
  for (const char* key : windows) {
    YamlNode* window = engine.find(key);
    if (window == nullptr || window->kind != Kind::scalar || window->text != "unbounded") continue;
    YamlNode map = scalar_like(*window, "");
    put(map, "bytes", *window);
    put(map, "operations", *window);
    *window = map;
  }
}

void name_changes(YamlNode& engine) {
  const YamlNode* base = engine.find("base");
  if (base == nullptr || base->kind != Kind::scalar || engine.find("name") != nullptr) return;
  std::string name = base->text;
  for (const YamlNode::Entry& entry : engine.entries) {
    if (entry.key == "base" || entry.key == "description") continue;
    name += "+" + entry.key;
    if (entry.value.kind == Kind::scalar) name += "=" + entry.value.text;
  }
  set_default(engine, "name", name);
}

}  // namespace calvo::scenarios
