#include "realrun/node/fault_script.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "core/suggest.hpp"

namespace calvo::realrun {
namespace {

enum class Amount : std::uint8_t { time, factor, chance, none };

struct Row {
  FaultKind kind;
  std::string_view name;
  Amount amount;
};

constexpr std::array rows = {
    Row{FaultKind::delay, "delay", Amount::time},
    Row{FaultKind::slow, "slow", Amount::factor},
    Row{FaultKind::drop, "drop", Amount::chance},
    Row{FaultKind::corrupt, "corrupt", Amount::chance},
    Row{FaultKind::truncate, "truncate", Amount::chance},
    Row{FaultKind::hang, "hang", Amount::none},
    Row{FaultKind::die, "die", Amount::none},
};

constexpr std::string_view form =
    "write KIND@FROM..UNTIL:AMOUNT, for example corrupt@1s..3s:0.1 or die@5s..7s";

/// Reads one fault; knows where in the script it stands.
class Reader {
public:
  Reader(std::string_view script, std::string_view where) : script_(script), where_(where) {}

  Fault fault(std::string_view item) const {
    const std::size_t at = item.find('@');
    const std::string_view name = item.substr(0, at);
    const auto row = std::ranges::find(rows, name, &Row::name);
    if (row == rows.end()) {
      std::array<std::string_view, rows.size()> names;
      std::ranges::transform(rows, names.begin(), &Row::name);
      fail(name, name.empty() ? fmt::format("a fault is missing; {}", form)
                              : fmt::format("unknown fault \"{}\"{}", name,
                                            suggestion(name, std::span(names))));
    }
    if (at == std::string_view::npos) fail(item, fmt::format("no date; {}", form));
    Fault fault;
    fault.kind = row->kind;
    std::string_view rest = item.substr(at + 1);
    const std::size_t colon = rest.find(':');
    const std::string_view span = rest.substr(0, colon);
    const std::size_t dots = span.find("..");
    fault.from = value<Seconds>(span.substr(0, dots));
    if (dots != std::string_view::npos) {
      fault.until = value<Seconds>(span.substr(dots + 2));
      if (fault.until <= fault.from) fail(span, "it ends before it begins");
    }
    const std::string_view amount =
        colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (colon != std::string_view::npos) {
      if (row->amount == Amount::none) {
        fail(amount, fmt::format("{} takes no amount", row->name));
      }
      fault.amount = read_amount(*row, amount);
    } else if (row->amount == Amount::time || row->amount == Amount::factor) {
      fail(item, fmt::format("{} wants an amount: {}", row->name,
                             row->amount == Amount::time ? "how much later, as in delay@0s:5ms"
                                                         : "share of the pace, as in slow@0s:0.5"));
    }
    return fault;
  }

private:
  double read_amount(const Row& row, std::string_view text) const {
    if (row.amount == Amount::time) return value<Seconds>(text).count();
    const double share = value<Share>(text).value;
    if (share <= 0) fail(text, fmt::format("the amount of {} is above 0", row.name));
    return share;
  }

  template <class T>
  T value(std::string_view text) const {
    try {
      return parse_as<T>(std::string(text));
    } catch (const std::invalid_argument& error) {
      fail(text, error.what());
    }
  }

  [[noreturn]] void fail(std::string_view part, const std::string& problem) const {
    throw InputError({std::string(where_), 1, static_cast<int>(part.data() - script_.data()) + 1},
                     "", problem);
  }

  std::string_view script_;
  std::string_view where_;
};

}  // namespace

std::string_view name_of(FaultKind kind) {
  return std::ranges::find(rows, kind, &Row::kind)->name;
}

bool is_of_pieces(FaultKind kind) {
  return kind != FaultKind::hang && kind != FaultKind::die;
}

FaultScript parse_fault_script(std::string_view text, std::string_view where) {
  const Reader reader(text, where);
  FaultScript script;
  std::size_t begin = 0;
  while (true) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    script.faults.push_back(reader.fault(text.substr(begin, comma - begin)));
    if (comma == text.size()) return script;
    begin = comma + 1;
  }
}

}  // namespace calvo::realrun
