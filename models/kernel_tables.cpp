#include "models/kernel_tables.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "core/gzip_lines.hpp"

namespace calvo::models {

namespace {

// The cells of a line, one after the other, each with its place.
class Cells {
public:
  explicit Cells(const LineReader& reader) : reader_(reader), rest_(reader.line()) {}

  bool next() {
    if (done_) return false;
    const std::size_t comma = rest_.find(',');
    begin_ = static_cast<std::size_t>(rest_.data() - reader_.line().data());
    cell_ = rest_.substr(0, comma);
    done_ = comma == std::string_view::npos;
    if (!done_) rest_.remove_prefix(comma + 1);
    return true;
  }
  std::string_view cell() const { return cell_; }

  template <class T>
  T number(const char* what) const {
    T value{};
    const auto [end, error] = std::from_chars(cell_.data(), cell_.data() + cell_.size(), value);
    if (error != std::errc{} || end != cell_.data() + cell_.size() || !(value >= 0)) {
      fail(fmt::format("\"{}\" is not {}", cell_, what));
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError(reader_.pos(begin_), "", problem);
  }

private:
  const LineReader& reader_;
  std::string_view rest_;
  std::string_view cell_;
  std::size_t begin_ = 0;
  bool done_ = false;
};

}  // namespace

WideTable WideTable::load(const std::string& path, std::span<const char* const> key_columns) {
  LineReader reader(path);
  WideTable table;
  table.file = path;
  if (!reader.next()) throw InputError({path}, "", "the table is empty");
  std::vector<double> axis;
  Cells header(reader);
  for (const char* column : key_columns) {
    if (!header.next() || header.cell() != column) {
      header.fail(fmt::format("expected the column \"{}\"", column));
    }
  }
  while (header.next()) {
    axis.push_back(header.number<double>("a size"));
    if (axis.size() > 1 && axis[axis.size() - 2] >= axis.back()) {
      header.fail("sizes must increase");
    }
  }
  while (reader.next()) {
    Row row;
    Cells cells(reader);
    for (const char* column : key_columns) {
      if (!cells.next()) cells.fail(fmt::format("the line ends before \"{}\"", column));
      row.key.push_back(cells.number<std::int64_t>("a whole number"));
    }
    row.x.reserve(axis.size());
    row.seconds.reserve(axis.size());
    for (const double x : axis) {
      if (!cells.next()) cells.fail("the line has fewer cells than the header");
      if (cells.cell().empty()) continue;
      const double microseconds = cells.number<double>("a time in microseconds");
      if (!std::isfinite(microseconds)) cells.fail("a time must be finite");
      row.x.push_back(x);
      row.seconds.push_back(microseconds * 1e-6);
    }
    if (cells.next()) cells.fail("the line has more cells than the header");
    if (row.x.empty()) cells.fail("the line has no time");
    table.rows.push_back(std::move(row));
  }
  return table;
}

KernelTables KernelTables::load(const std::string& directory, const std::string& prefix) {
  constexpr std::array gemm = {"n", "k"};
  constexpr std::array attention = {"q_heads", "kv_heads", "head_dim", "window", "batch"};
  constexpr std::array moe = {"hidden", "moe_ffn", "top_k", "experts", "tensor_parallel"};
  constexpr std::array mla = {"local_heads", "batch"};
  constexpr std::array allreduce = {"gpus"};
  const auto load = [&](const char* kernel, std::span<const char* const> keys) {
    return WideTable::load(fmt::format("{}/{}_{}.csv.gz", directory, prefix, kernel), keys);
  };
  return {.gemm = load("gemm", gemm),
          .context = load("context_attention", attention),
          .generation = load("generation_attention", attention),
          .moe = load("moe", moe),
          .mla_context = load("mla_context", mla),
          .mla_generation = load("mla_generation", mla),
          .allreduce = load("allreduce", allreduce)};
}

}  // namespace calvo::models
