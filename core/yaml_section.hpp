// Strict reading of a YAML mapping: every key is asked for by name, and a key that nobody asked
// for is an error. Every message starts with file:line:column and the dotted path of the key.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/parse.hpp"
#include "core/yaml_tree.hpp"

namespace calvo {

/// What a number may be. Empty parts do not bind.
template <class T>
struct Range {
  std::optional<T> above;     ///< must be greater
  std::optional<T> at_least;  ///< must not be less
  std::optional<T> at_most;   ///< must not be greater
};
template <class T>
constexpr Range<T> positive() {
  return {T{}, std::nullopt, std::nullopt};
}
template <class T>
constexpr Range<T> at_least(T low) {
  return {std::nullopt, low, std::nullopt};
}
template <class T>
constexpr Range<T> between(T low, T high) {
  return {std::nullopt, low, high};
}

/// A mapping of a document, cheap to copy; copies share the record of which keys were asked for.
class YamlSection {
public:
  /// Throw InputError as read_yaml_file does, and if the document is no mapping.
  static YamlSection load_file(const std::string& file);
  static YamlSection load_text(const std::string& text, const std::string& file);
  /// Of a tree that is already there (with overrides applied).
  explicit YamlSection(YamlNode root);

  /// The value of `key`. A key that stands there with no value is an error, and so is a value out
  /// of `range`; required() also throws if the key is missing.
  template <class T>
  T required(std::string_view key, const Range<T>& range = {}) const {
    return convert<T>(need(key), path_of(key), range);
  }
  template <class T>
  T optional(std::string_view key, T fallback, const Range<T>& range = {}) const {
    const YamlNode* value = child(key);
    return value ? convert<T>(*value, path_of(key), range) : fallback;
  }
  template <class T>
  std::optional<T> maybe(std::string_view key, const Range<T>& range = {}) const {
    const YamlNode* value = child(key);
    if (value == nullptr) return std::nullopt;
    return convert<T>(*value, path_of(key), range);
  }

  /// One of `names`; returns its index. `what` names the kind of thing ("engine", "gpu").
  std::size_t required_name(std::string_view key, std::string_view what,
                            std::span<const std::string_view> names) const;
  std::size_t optional_name(std::string_view key, std::string_view what,
                            std::span<const std::string_view> names, std::size_t fallback) const;

  /// A list of values; optional_list gives nothing if the key is missing.
  template <class T>
  std::vector<T> required_list(std::string_view key, const Range<T>& range = {}) const {
    need(key);
    return *optional_list<T>(key, range);
  }
  template <class T>
  std::optional<std::vector<T>> optional_list(std::string_view key,
                                              const Range<T>& range = {}) const {
    const YamlNode* value = child(key);
    if (value == nullptr) return std::nullopt;
    expect_list(*value, key);
    std::vector<T> result;
    for (std::size_t i = 0; i < value->items.size(); ++i) {
      result.push_back(convert<T>(value->items[i], path_of(key) + "." + std::to_string(i), range));
    }
    return result;
  }

  /// The mapping at `key`.
  YamlSection section(std::string_view key) const;
  std::optional<YamlSection> optional_section(std::string_view key) const;
  /// A list of mappings; empty if the key is missing.
  std::vector<YamlSection> sections(std::string_view key) const;

  bool has(std::string_view key) const { return find(key) != nullptr; }
  bool is_scalar(std::string_view key) const { return is(key, YamlNode::Kind::scalar); }
  bool is_list(std::string_view key) const { return is(key, YamlNode::Kind::list); }
  bool is_map(std::string_view key) const { return is(key, YamlNode::Kind::map); }
  /// Keys of this mapping in the order of the text: for mappings whose keys are free.
  std::vector<std::string> keys() const;

  /// Throws at the first key, in this mapping and in every one that was opened from it, that was
  /// never asked for; names the nearest keys that were.
  void reject_unknown_keys() const;

  /// Throws InputError at the value of `key` (at the mapping itself if the key is missing or "").
  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;
  SourcePos pos(std::string_view key = "") const;
  /// Dotted path of `key`, or of the mapping itself for "".
  std::string path_of(std::string_view key) const;
  /// The text that this mapping stands in: a file name, or "--set ...".
  std::string file() const { return *node_->file; }

  /// Every dotted path asked for so far in the whole document, sorted; items of lists are "*".
  std::vector<std::string> asked_paths() const;

private:
  struct Document;

  YamlSection(std::shared_ptr<Document> document, const YamlNode* node, std::string path);

  const YamlNode* find(std::string_view key) const;   // notes the key as asked for
  const YamlNode* child(std::string_view key) const;  // find, and refuses an empty value
  const YamlNode& need(std::string_view key) const;   // child, and refuses its absence
  bool is(std::string_view key, YamlNode::Kind kind) const;
  void expect_list(const YamlNode& value, std::string_view key) const;
  static const std::string& scalar(const YamlNode& value, const std::string& path);

  template <class T>
  static T convert(const YamlNode& value, const std::string& path, const Range<T>& range) {
    const std::string& text = scalar(value, path);
    T result{};
    try {
      result = parse_as<T>(text);
    } catch (const std::invalid_argument& error) {
      throw InputError(value.pos(), path, error.what());
    }
    const auto refuse = [&](const std::string& rule) {
      throw InputError(value.pos(), path,
                       "\"" + text + "\" is out of range (must be " + rule + ")");
    };
    if (range.above && !(result > *range.above)) refuse("above " + to_text(*range.above));
    if ((range.at_least && result < *range.at_least) ||
        (range.at_most && result > *range.at_most)) {
      refuse(range.at_least && range.at_most
                 ? to_text(*range.at_least) + " to " + to_text(*range.at_most)
             : range.at_least ? "at least " + to_text(*range.at_least)
                              : "at most " + to_text(*range.at_most));
    }
    return result;
  }

  std::shared_ptr<Document> document_;
  const YamlNode* node_ = nullptr;
  std::string path_;
};

}  // namespace calvo
