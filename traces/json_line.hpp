#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/gzip_lines.hpp"

namespace calvo::traces {

/// Walks the JSON object on one line of a trace, value by value and without building anything;
/// every message names line, column and field. (A general parser would give no column of a value
/// that is well-formed but wrong, and spends its time on allocations.)
class JsonLine {
public:
  /// `reader` stays at its line for the life of this.
  explicit JsonLine(const LineReader& reader) : reader_(reader), text_(reader.line()) {}

  /// Goes to the next field of the object and its value; false at the end of the line's object.
  bool next_field();
  std::string_view field() const { return field_; }

  double number();
  std::int64_t integer();
  /// As written, without unescaping: good for ids. A whole number is taken as well.
  std::string_view text();
  void skip();

  /// Goes to the first or next element of an array; false past the last one.
  bool next_element();

  /// Reports the value read last. `problem` should quote it and end in the remedy.
  [[noreturn]] void fail(const std::string& problem) const { fail_at(value_, problem); }
  /// Reports the field as a whole, from where its value begins.
  [[noreturn]] void fail_field(const std::string& problem) const { fail_at(field_value_, problem); }
  /// The value read last, as written.
  std::string_view written() const { return text_.substr(value_, at_ - value_); }
  /// Where the value of the current field begins.
  std::size_t field_offset() const { return field_value_; }

private:
  void spaces();
  bool at(char expected);
  void need(char expected, const char* what);
  std::string_view token();
  std::string_view quoted();
  void skip_value(int depth);
  [[noreturn]] void fail_at(std::size_t offset, const std::string& problem) const;
  [[noreturn]] void cut() const;

  const LineReader& reader_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t value_ = 0;
  std::size_t field_value_ = 0;
  std::string_view field_;
  bool started_ = false;
  bool in_array_ = false;
};

}  // namespace calvo::traces
