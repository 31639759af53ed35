#include "realrun/devices/copy_path.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "core/text_file.hpp"

namespace calvo::realrun {
namespace {

constexpr std::array<std::string_view, 4> path_names = {"direct", "batch", "staged", "kernel"};
constexpr std::int64_t large_piece = 1 << 20;  // its bytes take longer than a call (runs ahead)
constexpr std::int64_t long_run = 4;
constexpr std::string_view csv_header = "direction,path,size,count,seconds";

CopyPath by_rule(const CopyShape& shape) {
  if (shape.count == 1 || shape.size >= large_piece) return CopyPath::direct;
  return shape.count >= long_run * shape.runs ? CopyPath::staged : CopyPath::batch;
}

/// How far apart two points are, in factors of size and count.
double distance(const CopyTime& time, const CopyShape& shape) {
  const auto factor = [](std::int64_t a, std::int64_t b) {
    return std::abs(std::log(static_cast<double>(a) / static_cast<double>(b)));
  };
  return factor(time.size, shape.size) + factor(time.count, shape.count);
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t from = 0;;) {
    const std::size_t comma = line.find(',', from);
    fields.push_back(line.substr(from, comma - from));
    if (comma == std::string_view::npos) return fields;
    from = comma + 1;
  }
}

/// One line of a table.
class LineReader {
public:
  LineReader(std::string_view line, std::string file, int number)
      : fields_(fields_of(line)), file_(std::move(file)), number_(number) {
    if (fields_.size() != 5) {
      refuse(fmt::format("\"{}\" is not {}; calvo calibrate --device cuda writes such files", line,
                         csv_header));
    }
  }

  bool out() const {
    if (fields_[0] != "in" && fields_[0] != "out") {
      refuse(fmt::format("direction \"{}\" is neither in nor out", fields_[0]));
    }
    return fields_[0] == "out";
  }
  CopyTime time() const {
    return {parse_copy_path(fields_[1], fmt::format("{}:{}", file_, number_)),
            number<std::int64_t>(2, "size"), number<std::int64_t>(3, "count"),
            Seconds{number<double>(4, "seconds")}};
  }

private:
  template <class T>
  T number(std::size_t field, std::string_view what) const {
    const std::string_view text = fields_[field];
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) ||
        !std::isfinite(static_cast<double>(value))) {
      refuse(fmt::format("{} \"{}\" is not a number above 0", what, text));
    }
    return value;
  }
  [[noreturn]] void refuse(const std::string& problem) const {
    throw InputError({file_, number_, 1}, "", problem);
  }

  std::vector<std::string_view> fields_;
  std::string file_;
  int number_;
};

}  // namespace

std::string_view name_of(CopyPath path) {
  return path_names.at(static_cast<std::size_t>(path));
}

CopyPath parse_copy_path(std::string_view name, std::string_view place) {
  const auto* found = std::ranges::find(path_names, name);
  if (found == path_names.end()) {
    const std::vector<std::string> known(path_names.begin(), path_names.end());
    throw InputError(
        {std::string(place), 0, 0}, "",
        fmt::format("unknown copy path \"{}\" ({}){}", name, fmt::join(path_names, ", "),
                    suggestion(std::string(name), known)));
  }
  return copy_paths.at(static_cast<std::size_t>(found - path_names.begin()));
}

CopyTable::CopyTable(std::vector<CopyTime> times) : times_(std::move(times)) {
  for (const CopyTime& time : times_) {
    CALVO_EXPECT(time.size > 0 && time.count > 0 && time.time > Seconds{0});
  }
}

CopyPath CopyTable::choose(const CopyShape& shape) const {
  CALVO_EXPECT(shape.size > 0 && shape.count > 0 && shape.runs > 0);
  const bool in_runs = shape.count >= 2 * shape.runs;
  const CopyTime* best = nullptr;
  double nearest = 0;
  for (const CopyTime& time : times_) {
    if (time.path == CopyPath::staged && !in_runs) continue;
    const double far = distance(time, shape);
    const bool better =
        best == nullptr || far < nearest || (far == nearest && time.time < best->time);
    if (!better) continue;
    nearest = far;
    best = &time;
  }
  return best == nullptr ? by_rule(shape) : best->path;
}

CopyTables parse_copy_tables(std::string_view csv, const std::string& file) {
  std::vector<CopyTime> in;
  std::vector<CopyTime> out;
  int number = 0;
  while (!csv.empty()) {
    const std::size_t end = std::min(csv.find('\n'), csv.size());
    const std::string_view line = csv.substr(0, end);
    csv.remove_prefix(std::min(end + 1, csv.size()));
    ++number;
    if (line.empty() || (number == 1 && line == csv_header)) continue;
    const LineReader reader(line, file, number);
    (reader.out() ? out : in).push_back(reader.time());
  }
  if (in.empty() && out.empty()) throw InputError({file, 1, 1}, "", "has no times in it");
  return {CopyTable(std::move(in)), CopyTable(std::move(out))};
}

CopyTables read_copy_tables(const std::string& file) {
  const auto text = read_file(file);
  if (!text) throw InputError({file, 0, 0}, "", "cannot be read");
  return parse_copy_tables(*text, file);
}

std::string copy_tables_csv(const CopyTables& tables) {
  std::string csv = fmt::format("{}\n", csv_header);
  const auto add = [&](std::string_view direction, const CopyTable& table) {
    for (const CopyTime& time : table.times()) {
      csv += fmt::format("{},{},{},{},{:.9g}\n", direction, name_of(time.path), time.size,
                         time.count, time.time.count());
    }
  };
  add("in", tables.in);
  add("out", tables.out);
  return csv;
}

}  // namespace calvo::realrun
