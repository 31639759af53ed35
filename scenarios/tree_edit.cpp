#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {

using Kind = YamlNode::Kind;

void lay_over(YamlNode& under, const YamlNode& over) {
  if (under.kind != Kind::map || over.kind != Kind::map) {
    under = over;
    return;
  }
  for (const YamlNode::Entry& entry : over.entries) {
    YamlNode* value = under.find(entry.key);
    if (value == nullptr) {
      under.entries.push_back(entry);
      continue;
    }
    lay_over(*value, entry.value);
    // An error about the key itself belongs to the text that said it last.
    for (YamlNode::Entry& existing : under.entries) {
      if (existing.key != entry.key) continue;
      existing.line = entry.line;
      existing.column = entry.column;
      existing.file = entry.file;
    }
  }
}

void remove_key(YamlNode& map, std::string_view key) {
  std::erase_if(map.entries, [&](const YamlNode::Entry& entry) { return entry.key == key; });
}

void set_default(YamlNode& map, const std::string& key, const std::string& text) {
  if (map.kind == Kind::map && map.find(key) == nullptr) put(map, key, scalar_like(map, text));
}

YamlNode scalar_like(const YamlNode& place, const std::string& text) {
  YamlNode node = place;
  node.kind = Kind::scalar;
  node.text = text;
  node.items.clear();
  node.entries.clear();
  return node;
}

void put(YamlNode& map, const std::string& key, const YamlNode& value) {
  map.kind = Kind::map;
  map.entries.push_back({key, value.line, value.column, value.file, value});
}

}  // namespace calvo::scenarios
