// One list of a struct's fields serves twice: a FieldReader fills the struct from strict YAML, a
// FieldWriter writes it back. What one writes the other reads to the same value.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/yaml_section.hpp"
#include "scenarios/names.hpp"
#include "scenarios/physics.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::scenarios {

/// The largest count stands for "no bound", which YAML calls "unbounded".
inline constexpr std::int64_t no_bound = std::numeric_limits<std::int64_t>::max();

/// What reading and writing a scenario share.
struct FieldContext {
  SearchPath search;
  bool allow_unphysical = false;                  ///< links may be faster than any that exist
  std::map<std::string, std::string> written_as;  ///< path of a file -> how a scenario names it
};

/// Reads what stands in a section over the defaults that the struct holds.
class FieldReader {
public:
  static constexpr bool reads = true;

  FieldReader(const YamlSection& section, FieldContext& context)
      : section_(section), context_(&context) {}

  const YamlSection& section() const { return section_; }

  template <class T>
  void value(std::string_view key, T& field, const Range<T>& range = {}) {
    field = section_.optional<T>(key, field, range);
  }
  /// A double of seconds, requests per second or a share in a struct without dimensions.
  void seconds(std::string_view key, double& field);
  void per_second(std::string_view key, double& field, const Range<PerSecond>& range = {});
  void share(std::string_view key, double& field);
  /// An enumerator by its name.
  template <class Enum>
  void name(std::string_view key, Enum& field, std::string_view what) {
    field = static_cast<Enum>(
        section_.optional_name(key, what, names_of<Enum>(), static_cast<std::size_t>(field)));
  }
  /// A count, or "unbounded".
  void bound(std::string_view key, std::int64_t& field, std::int64_t at_least);
  void bound(std::string_view key, Bytes& field);
  /// A quantity whose 0 the file calls `word`: "unlimited", "none".
  template <class T>
  void or_zero(std::string_view key, T& field, std::string_view word) {
    if (section_.is_scalar(key) && section_.required<std::string>(key) == word) {
      field = T{};
    } else {
      value(key, field, positive<T>());
    }
  }
  void or_zero_seconds(std::string_view key, double& field, std::string_view word);
  /// A file that must exist; the field becomes a path to open.
  void file(std::string_view key, std::string& field);
  /// A rate that physics bounds; 0 is "unlimited".
  void rate(std::string_view key, BytesPerSecond& field, const PhysicalLimit& limit);

  template <class T>
  void list(std::string_view key, std::vector<T>& field, const Range<T>& range = {}) {
    if (auto values = section_.optional_list<T>(key, range)) field = *values;
  }
  /// A nested mapping, its fields listed by `fields(io)`; absent: its defaults.
  template <class Fields>
  void group(std::string_view key, Fields fields) {
    if (auto inner = section_.optional_section(key)) {
      FieldReader reader(*inner, *context_);
      fields(reader);
    }
  }
  /// A list of mappings that replaces `field`.
  template <class T, class Fields>
  void items(std::string_view key, std::vector<T>& field, Fields fields) {
    if (!section_.has(key)) return;
    field.clear();
    for (const YamlSection& inner : section_.sections(key)) {
      FieldReader reader(inner, *context_);
      fields(reader, field.emplace_back());
    }
  }

private:
  YamlSection section_;
  FieldContext* context_;
};

/// Appends every field as YAML, in the order of the list.
class FieldWriter {
public:
  static constexpr bool reads = false;

  FieldWriter(std::string& out, const FieldContext& context, int indent = 0)
      : out_(&out), context_(&context), indent_(indent) {}

  template <class T>
  void value(std::string_view key, const T& field, const Range<T>& = {}) {
    line(key, quoted(to_text(field)));
  }
  void seconds(std::string_view key, double field) { line(key, to_text(Seconds{field})); }
  void per_second(std::string_view key, double field, const Range<PerSecond>& = {}) {
    line(key, to_text(PerSecond{field}));
  }
  void share(std::string_view key, double field) { line(key, to_text(field)); }
  template <class Enum>
  void name(std::string_view key, Enum field, std::string_view) {
    line(key, quoted(std::string(names_of<Enum>()[static_cast<std::size_t>(field)])));
  }
  void bound(std::string_view key, std::int64_t field, std::int64_t) {
    line(key, field == no_bound ? "unbounded" : to_text(field));
  }
  void bound(std::string_view key, Bytes field) {
    line(key, field.count() == no_bound ? "unbounded" : to_text(field));
  }
  template <class T>
  void or_zero(std::string_view key, const T& field, std::string_view word) {
    line(key, field == T{} ? std::string(word) : to_text(field));
  }
  void or_zero_seconds(std::string_view key, double field, std::string_view word) {
    line(key, field == 0 ? std::string(word) : to_text(Seconds{field}));
  }
  void file(std::string_view key, const std::string& field);
  void rate(std::string_view key, BytesPerSecond field, const PhysicalLimit&) {
    or_zero(key, field, "unlimited");
  }
  template <class T>
  void list(std::string_view key, const std::vector<T>& field, const Range<T>& = {}) {
    std::string text;
    for (const T& item : field) text += (text.empty() ? "" : ", ") + quoted(to_text(item));
    line(key, "[" + text + "]");
  }
  template <class Fields>
  void group(std::string_view key, Fields fields) {
    line(key, "");
    FieldWriter writer(*out_, *context_, indent_ + 2);
    const std::size_t before = out_->size();
    fields(writer);
    if (out_->size() == before) out_->insert(before - 1, " {}");
  }
  template <class T, class Fields>
  void items(std::string_view key, const std::vector<T>& field, Fields fields) {
    if (field.empty()) {
      line(key, "[]");
      return;
    }
    line(key, "");
    for (const T& item : field) {
      const std::size_t before = out_->size();
      FieldWriter writer(*out_, *context_, indent_ + 4);
      fields(writer, item);
      (*out_)[before + static_cast<std::size_t>(indent_) + 2] = '-';
    }
  }

  /// "key: text" as it stands.
  void line(std::string_view key, const std::string& text);

private:
  /// `text` as a YAML scalar that reads back as the same text.
  static std::string quoted(const std::string& text);

  std::string* out_;
  const FieldContext* context_;
  int indent_;
};

}  // namespace calvo::scenarios
