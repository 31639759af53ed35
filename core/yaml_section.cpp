#include "core/yaml_section.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/contract.hpp"
#include "core/suggest.hpp"

namespace calvo {

struct YamlSection::Document {
  // Keys in the order in which they were asked for: suggestions follow the reader's order.
  struct Asked {
    std::string path;
    std::vector<std::string> keys;
  };

  YamlNode root;
  std::map<const YamlNode*, Asked> asked;  // looked up by identity only, never iterated
};

YamlSection::YamlSection(std::shared_ptr<Document> document, const YamlNode* node, std::string path)
    : document_(std::move(document)), node_(node), path_(std::move(path)) {
  if (node_->kind != YamlNode::Kind::map) {
    throw InputError(node_->pos(), path_,
                     "a mapping like \"name: value\" is expected" +
                         (node_->kind == YamlNode::Kind::scalar ? ", not \"" + node_->text + "\""
                          : node_->kind == YamlNode::Kind::list ? std::string(", not a list")
                                                                : std::string(", not nothing")));
  }
  document_->asked[node_].path = path_;
}

YamlSection::YamlSection(YamlNode root)
    : document_(std::make_shared<Document>(Document{std::move(root), {}})) {
  *this = YamlSection(document_, &document_->root, "");
}

YamlSection YamlSection::load_file(const std::string& file) {
  return YamlSection(read_yaml_file(file));
}

YamlSection YamlSection::load_text(const std::string& text, const std::string& file) {
  return YamlSection(read_yaml_text(text, file));
}

std::string YamlSection::path_of(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const YamlNode* YamlSection::find(std::string_view key) const {
  std::vector<std::string>& asked = document_->asked[node_].keys;
  if (std::ranges::find(asked, key) == asked.end()) asked.emplace_back(key);
  return node_->find(key);
}

const YamlNode* YamlSection::child(std::string_view key) const {
  const YamlNode* value = find(key);
  if (value != nullptr && value->kind == YamlNode::Kind::null) {
    throw InputError(value->pos(), path_of(key), "has no value; write one or remove the key");
  }
  return value;
}

const YamlNode& YamlSection::need(std::string_view key) const {
  const YamlNode* value = child(key);
  if (value == nullptr) {
    throw InputError(node_->pos(), path_of(key), "missing; add \"" + std::string(key) + ": ...\"");
  }
  return *value;
}

bool YamlSection::is(std::string_view key, YamlNode::Kind kind) const {
  const YamlNode* value = find(key);
  return value != nullptr && value->kind == kind;
}

void YamlSection::expect_list(const YamlNode& value, std::string_view key) const {
  if (value.kind == YamlNode::Kind::list) return;
  throw InputError(value.pos(), path_of(key), "a list like [a, b] is expected");
}

const std::string& YamlSection::scalar(const YamlNode& value, const std::string& path) {
  if (value.kind != YamlNode::Kind::scalar) {
    throw InputError(value.pos(), path,
                     value.kind == YamlNode::Kind::list ? "a single value is expected, not a list"
                     : value.kind == YamlNode::Kind::map
                         ? "a single value is expected, not a mapping"
                         : "has no value; write one");
  }
  return value.text;
}

std::size_t YamlSection::required_name(std::string_view key, std::string_view what,
                                       std::span<const std::string_view> names) const {
  const YamlNode& value = need(key);
  const std::string& text = scalar(value, path_of(key));
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) {
    throw InputError(
        value.pos(), path_of(key),
        "unknown " + std::string(what) + " \"" + text + "\"" + suggestion(text, names));
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::size_t YamlSection::optional_name(std::string_view key, std::string_view what,
                                       std::span<const std::string_view> names,
                                       std::size_t fallback) const {
  return child(key) ? required_name(key, what, names) : fallback;
}

YamlSection YamlSection::section(std::string_view key) const {
  return {document_, &need(key), path_of(key)};
}

std::optional<YamlSection> YamlSection::optional_section(std::string_view key) const {
  const YamlNode* value = child(key);
  if (value == nullptr) return std::nullopt;
  return YamlSection{document_, value, path_of(key)};
}

std::vector<YamlSection> YamlSection::sections(std::string_view key) const {
  std::vector<YamlSection> result;
  const YamlNode* value = child(key);
  if (value == nullptr) return result;
  expect_list(*value, key);
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    result.push_back({document_, &value->items[i], path_of(key) + "." + std::to_string(i)});
  }
  return result;
}

std::vector<std::string> YamlSection::keys() const {
  std::vector<std::string> result;
  for (const YamlNode::Entry& entry : node_->entries) result.push_back(entry.key);
  return result;
}

void YamlSection::reject_unknown_keys() const {
  const std::function<void(const YamlNode&)> check = [&](const YamlNode& node) {
    for (const YamlNode& item : node.items) check(item);
    const auto opened = document_->asked.find(&node);
    if (opened == document_->asked.end()) return;
    const Document::Asked& asked = opened->second;
    for (const YamlNode::Entry& entry : node.entries) {
      if (std::ranges::find(asked.keys, entry.key) == asked.keys.end()) {
        throw InputError(entry.pos(), asked.path.empty() ? entry.key : asked.path + "." + entry.key,
                         "unknown key" + suggestion(entry.key, asked.keys));
      }
      check(entry.value);
    }
  };
  check(*node_);
}

SourcePos YamlSection::pos(std::string_view key) const {
  const YamlNode* value = key.empty() ? nullptr : node_->find(key);
  return value == nullptr ? node_->pos() : value->pos();
}

void YamlSection::fail(std::string_view key, const std::string& problem) const {
  throw InputError(pos(key), path_of(key), problem);
}

std::vector<std::string> YamlSection::asked_paths() const {
  std::set<std::string> paths;
  const std::function<void(const YamlNode&, const std::string&)> gather =
      [&](const YamlNode& node, const std::string& path) {
        for (const YamlNode& item : node.items) gather(item, path + ".*");
        const auto opened = document_->asked.find(&node);
        if (opened == document_->asked.end()) return;
        const std::string prefix = path.empty() ? "" : path + ".";
        for (const std::string& key : opened->second.keys) paths.insert(prefix + key);
        for (const YamlNode::Entry& entry : node.entries) gather(entry.value, prefix + entry.key);
      };
  gather(document_->root, "");
  return {paths.begin(), paths.end()};
}

}  // namespace calvo
