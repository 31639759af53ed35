// A YAML document as a plain tree that knows where each key and value stands.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/input_error.hpp"

namespace calvo {

/// A node of a document. Mappings keep the order of the text and have each key once; aliases and
/// merge keys ("<<") are already expanded.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  std::shared_ptr<const std::string> file;  ///< shared by all nodes of one text
  int line = 0;
  int column = 0;
  std::string text;             ///< scalar
  std::vector<YamlNode> items;  ///< list
  std::vector<Entry> entries;   ///< map

  SourcePos pos() const { return {file ? *file : std::string(), line, column}; }
  /// The value of `key`, or null. Valid until the node changes.
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

struct YamlNode::Entry {
  std::string key;
  int line = 0;
  int column = 0;
  std::shared_ptr<const std::string> file;
  YamlNode value;

  SourcePos pos() const { return {file ? *file : std::string(), line, column}; }
};

/// The one document of `file`. Throws InputError if the file is missing, a directory, empty, larger
/// than 64 MiB, not YAML, has more than one document, a key twice, or grows beyond a million nodes
/// by its aliases.
YamlNode read_yaml_file(const std::string& file);
/// The same of a text that the user wrote somewhere called `file`.
YamlNode read_yaml_text(const std::string& text, const std::string& file);

/// Applies "a.b.c=value" to a tree: `value` is YAML, a list's items are named by their index, and
/// mappings that do not exist yet are made. Where a step of the path is a mere name and its dotted
/// path is in `named`, the name becomes {base: NAME} first ("engine.cut=never" on "engine: calvo").
/// Positions of what it adds are `file` = "--set a.b.c=value", line 1, columns of that argument.
/// Throws InputError if the argument has no "=" or an empty name, or the path runs through a value.
void apply_override(YamlNode& root, const std::string& argument,
                    std::span<const std::string_view> named = {});

/// The same with a value that is a node already, and a path that stands at `place` in some text:
/// positions of what it adds are there. `place.file` may be null.
void apply_value(YamlNode& root, const std::string& path, const YamlNode& value,
                 const YamlNode& place, std::span<const std::string_view> named = {});

}  // namespace calvo
