#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/gzip_lines.hpp"

namespace calvo::traces {

/// The rows of a table with a header line and a fixed separator. Messages name line, column and the
/// header's name of the field.
class FieldRows {
public:
  /// Reads the header and refuses one that is not `columns` in this order.
  FieldRows(LineReader& reader, char separator, std::span<const std::string_view> columns);

  /// Goes to the next row and refuses one with another number of fields; false at the end.
  bool next();

  std::string_view text(std::size_t column) const { return fields_[column]; }
  /// Requires: low <= high, both of at most 2^53 in magnitude where read as numbers.
  std::int64_t integer(std::size_t column, std::int64_t low, std::int64_t high) const;
  double number(std::size_t column, double low, double high) const;

  /// `problem` quotes the value and ends in the remedy. `offset` is inside the field.
  [[noreturn]] void fail(std::size_t column, const std::string& problem,
                         std::size_t offset = 0) const;
  const LineReader& reader() const { return reader_; }

private:
  void split();

  LineReader& reader_;
  char separator_;
  std::span<const std::string_view> columns_;
  std::vector<std::string_view> fields_;
};

}  // namespace calvo::traces
