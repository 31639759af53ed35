#include "core/yaml_tree.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "core/text_file.hpp"

namespace calvo {
namespace {

constexpr int max_nodes = 1'000'000;
constexpr std::size_t max_file_bytes = 64 << 20;

// Turns yaml-cpp's graph into a tree.
class Converter {
public:
  explicit Converter(const std::string& file) : file_(std::make_shared<const std::string>(file)) {}

  YamlNode convert(const YAML::Node& source, int parent_line, int parent_column) {
    YamlNode node;
    node.file = file_;
    // Nothing has no place of its own: it stands where its key does.
    const bool nowhere = source.Mark().is_null() || source.IsNull();
    node.line = nowhere ? parent_line : source.Mark().line + 1;
    node.column = nowhere ? parent_column : source.Mark().column + 1;
    if (++nodes_ > max_nodes) {
      throw InputError(node.pos(), "", "more than a million values after its aliases are expanded");
    }
    if (source.IsScalar()) {
      node.kind = YamlNode::Kind::scalar;
      node.text = source.Scalar();
    } else if (source.IsSequence()) {
      node.kind = YamlNode::Kind::list;
      for (const YAML::Node& item : source) {
        node.items.push_back(convert(item, node.line, node.column));
      }
    } else if (source.IsMap()) {
      node.kind = YamlNode::Kind::map;
      fill_map(node, source);
    }
    return node;
  }

private:
  void fill_map(YamlNode& node, const YAML::Node& source) {
    std::vector<YamlNode> merged;
    for (const auto& pair : source) {
      const YAML::Mark mark = pair.first.Mark();
      YamlNode::Entry entry;
      entry.file = file_;
      entry.line = mark.is_null() ? node.line : mark.line + 1;
      entry.column = mark.is_null() ? node.column : mark.column + 1;
      if (!pair.first.IsScalar()) {
        throw InputError(entry.pos(), "", "a key must be a plain word");
      }
      entry.key = pair.first.Scalar();
      entry.value = convert(pair.second, entry.line, entry.column);
      if (entry.key == "<<") {
        gather_merged(entry, merged);
        continue;
      }
      for (const YamlNode::Entry& earlier : node.entries) {
        if (earlier.key != entry.key) continue;
        throw InputError(entry.pos(), entry.key,
                         "key given twice, first at line " + std::to_string(earlier.line) +
                             "; remove one of them");
      }
      node.entries.push_back(std::move(entry));
    }
    for (const YamlNode& map : merged) {  // an earlier mapping of a merge list wins
      for (const YamlNode::Entry& entry : map.entries) {
        if (node.find(entry.key) == nullptr) node.entries.push_back(entry);
      }
    }
  }

  static void gather_merged(const YamlNode::Entry& entry, std::vector<YamlNode>& merged) {
    if (entry.value.kind == YamlNode::Kind::map) {
      merged.push_back(entry.value);
      return;
    }
    bool only_maps = entry.value.kind == YamlNode::Kind::list;
    for (const YamlNode& item : entry.value.items) {
      only_maps = only_maps && item.kind == YamlNode::Kind::map;
    }
    if (!only_maps) {
      throw InputError(entry.pos(), "<<", "only a mapping or a list of mappings can be merged");
    }
    merged.insert(merged.end(), entry.value.items.begin(), entry.value.items.end());
  }

  std::shared_ptr<const std::string> file_;
  int nodes_ = 0;
};

// A dotted path and where it stands.
struct PlacedPath {
  std::string text;
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;  // of its first letter
  std::string remedy;

  int column_of(std::size_t offset) const { return column + static_cast<int>(offset); }
  [[noreturn]] void refuse(std::size_t offset, const std::string& where,
                           const std::string& problem) const {
    throw InputError({file ? *file : std::string(), line, column_of(offset)}, where, problem);
  }
};

// One step of a path.
struct Step {
  std::string name;
  std::size_t offset = 0;  // in the path
  std::string path;        // dotted, up to and with this step
};

std::vector<Step> steps_of(const PlacedPath& path) {
  std::vector<Step> steps;
  std::size_t begin = 0;
  while (begin <= path.text.size()) {
    const std::size_t dot = std::min(path.text.find('.', begin), path.text.size());
    if (dot == begin) path.refuse(begin, "", "empty name in the path; " + path.remedy);
    steps.push_back({path.text.substr(begin, dot - begin), begin, path.text.substr(0, dot)});
    begin = dot + 1;
  }
  return steps;
}

YamlNode& list_item(YamlNode& list, const Step& step, const PlacedPath& path) {
  std::size_t index = 0;
  const char* const end = step.name.data() + step.name.size();
  const auto [stop, error] = std::from_chars(step.name.data(), end, index);
  if (error != std::errc{} || stop != end || index >= list.items.size()) {
    path.refuse(step.offset, step.path,
                list.items.empty() ? "the list is empty; set the whole list"
                                   : "no such item; the list has items 0 to " +
                                         std::to_string(list.items.size() - 1));
  }
  return list.items[index];
}

// What stands at the path; made, empty, if nothing does.
YamlNode& reach(YamlNode& root, const PlacedPath& path, std::span<const std::string_view> named) {
  YamlNode* node = &root;
  for (const Step& step : steps_of(path)) {
    if (node->kind == YamlNode::Kind::list) {
      node = &list_item(*node, step, path);
      continue;
    }
    if (node->kind == YamlNode::Kind::scalar) {
      const std::string parent = step.path.substr(0, step.path.size() - step.name.size() - 1);
      if (std::ranges::find(named, parent) == named.end()) {
        path.refuse(
            step.offset, step.path,
            fmt::format("\"{0}\" is the value \"{1}\", which has no parts; set \"{0}\" itself",
                        parent, node->text));
      }
      YamlNode name = *node;
      node->kind = YamlNode::Kind::map;
      node->text.clear();
      node->entries.push_back({"base", name.line, name.column, name.file, name});
    }
    if (node->kind == YamlNode::Kind::null) node->kind = YamlNode::Kind::map;
    YamlNode* child = node->find(step.name);
    if (child == nullptr) {
      YamlNode made;
      made.file = path.file;
      made.line = path.line;
      made.column = path.column_of(step.offset);
      node->entries.push_back({step.name, made.line, made.column, path.file, made});
      child = &node->entries.back().value;
    }
    node = child;
  }
  return *node;
}

// `skipped` columns of the first line are not the user's.
YamlNode parse(const std::string& text, const std::string& file, int skipped) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw InputError({file, documents[1].Mark().line + 1, documents[1].Mark().column + 1}, "",
                       "a second document; keep one document in a file");
    }
    if (documents.empty()) return Converter(file).convert(YAML::Node(), 0, 0);
    return Converter(file).convert(documents.front(), 1, 1);
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line + 1;
    const int column = error.mark.column + 1;
    throw InputError({file, line, line == 1 ? std::max(column, skipped + 1) : column}, "",
                     "not YAML: " + error.msg);
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

YamlNode read_yaml_text(const std::string& text, const std::string& file) {
  return parse(text, file, 0);
}

YamlNode read_yaml_file(const std::string& file) {
  std::error_code code;
  const auto status = std::filesystem::status(file, code);
  if (!std::filesystem::exists(status)) {
    throw InputError({file, 0, 0}, "", "no such file; check the path");
  }
  if (std::filesystem::is_directory(status)) {
    throw InputError({file, 0, 0}, "", "is a directory; name a YAML file in it");
  }
  const auto text = read_file(file, max_file_bytes + 1);
  if (!text) throw InputError({file, 0, 0}, "", "cannot be read; check its permissions");
  if (text->size() > max_file_bytes) {
    throw InputError({file, 0, 0}, "", "is larger than 64 MiB; name a YAML file");
  }
  refuse_utf16(*text, file);
  if (text->find('\0') != std::string::npos) {
    throw InputError({file, 0, 0}, "", "is a binary file; name a YAML file");
  }
  YamlNode root = read_yaml_text(*text, file);
  if (root.kind == YamlNode::Kind::null) {
    throw InputError({file, 0, 0}, "", "is empty; a mapping like \"name: value\" is expected");
  }
  return root;
}

void apply_override(YamlNode& root, const std::string& argument,
                    std::span<const std::string_view> named) {
  const std::size_t equals = argument.find('=');
  const auto file = std::make_shared<const std::string>("--set " + argument);
  PlacedPath path{argument.substr(0, equals), file, 1, 1, "write --set a.b.c=value"};
  if (equals == std::string::npos) {
    path.refuse(argument.size(), "", "no \"=\"; write --set a.b.c=value");
  }
  YamlNode& node = reach(root, path, named);
  // Spaces in front keep the columns of the argument.
  const std::size_t skipped = equals + 1;
  YamlNode value =
      parse(std::string(skipped, ' ') + argument.substr(skipped), *file, static_cast<int>(skipped));
  if (value.kind == YamlNode::Kind::null) {
    value.file = file;
    value.line = 1;
    value.column = static_cast<int>(skipped) + 1;
  }
  node = std::move(value);
}

void apply_value(YamlNode& root, const std::string& path, const YamlNode& value,
                 const YamlNode& place, std::span<const std::string_view> named) {
  reach(root, {path, place.file, place.line, place.column, "write a.b.c"}, named) = value;
}

}  // namespace calvo
