#include "traces/fields.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace calvo::traces {

FieldRows::FieldRows(LineReader& reader, char separator, std::span<const std::string_view> columns)
    : reader_(reader), separator_(separator), columns_(columns) {
  if (!reader_.next()) {
    throw InputError({reader_.file(), 0, 0}, "", "holds no request; give a trace with some");
  }
  split();
  if (!std::ranges::equal(fields_, columns_)) {
    throw InputError(reader_.pos(), "",
                     fmt::format("unknown header \"{}\"; expected the columns {}",
                                 reader_.line().substr(0, 60), fmt::join(columns_, ", ")));
  }
}

void FieldRows::split() {
  fields_.clear();
  std::string_view rest = reader_.line();
  while (true) {
    const std::size_t stop = rest.find(separator_);
    fields_.push_back(rest.substr(0, stop));
    if (stop == std::string_view::npos) return;
    rest.remove_prefix(stop + 1);
  }
}

bool FieldRows::next() {
  if (!reader_.next()) return false;
  split();
  if (fields_.size() != columns_.size()) {
    throw InputError(reader_.pos(reader_.line().size()), "",
                     fmt::format("has {} columns instead of {}; copy or download the file again",
                                 fields_.size(), columns_.size()));
  }
  return true;
}

void FieldRows::fail(std::size_t column, const std::string& problem, std::size_t offset) const {
  const auto at = static_cast<std::size_t>(fields_[column].data() - reader_.line().data());
  throw InputError(reader_.pos(at + offset), std::string(columns_[column]), problem);
}

std::int64_t FieldRows::integer(std::size_t column, std::int64_t low, std::int64_t high) const {
  const std::string_view written = fields_[column];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size()) {
    fail(column, fmt::format("not a whole number \"{}\"; write one such as 512", written));
  }
  if (value < low || value > high) {
    fail(column, fmt::format("must be between {} and {}, is \"{}\"; correct or drop the row", low,
                             high, written));
  }
  return value;
}

double FieldRows::number(std::size_t column, double low, double high) const {
  const std::string_view written = fields_[column];
  double value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc{} || end != written.data() + written.size() || !std::isfinite(value)) {
    fail(column, fmt::format("not a number \"{}\"; write one such as 250 or 0.5", written));
  }
  if (value < low || value > high) {
    fail(column, fmt::format("must be between {} and {}, is \"{}\"; correct or drop the row", low,
                             high, written));
  }
  return value;
}

}  // namespace calvo::traces
