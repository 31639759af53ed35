#include "sweeps/tree_path.hpp"

#include <charconv>
#include <utility>

namespace calvo::sweeps {

const YamlNode* node_at(const YamlNode& root, std::string_view path) {
  const YamlNode* node = &root;
  while (node != nullptr && !path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    if (node->kind != YamlNode::Kind::list) {
      node = node->find(step);
      continue;
    }
    std::size_t index = 0;
    const auto [stop, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool there = error == std::errc{} && index < node->items.size();
    node = there ? &node->items[index] : nullptr;
  }
  return node;
}

std::string text_at(const YamlNode& root, std::string_view path) {
  const YamlNode* node = node_at(root, path);
  return node != nullptr && node->kind == YamlNode::Kind::scalar ? node->text : std::string();
}

scenarios::Setting setting(std::string key, std::string text) {
  YamlNode value;
  value.kind = YamlNode::Kind::scalar;
  value.text = std::move(text);
  return {std::move(key), {}, std::move(value)};
}

}  // namespace calvo::sweeps
