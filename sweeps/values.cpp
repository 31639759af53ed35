#include "sweeps/values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/parse.hpp"
#include "core/suggest.hpp"

namespace calvo::sweeps {
namespace {

using Kind = YamlNode::Kind;

constexpr int most_values = 10'000;
constexpr std::string_view range_keys[] = {"from", "to", "points", "step", "scale"};

YamlNode scalar_at(const YamlNode& place, std::string text) {
  YamlNode node;
  node.kind = Kind::scalar;
  node.file = place.file;
  node.line = place.line;
  node.column = place.column;
  node.text = std::move(text);
  return node;
}

/// A range as it is written, its parts checked one by one.
class RangeReader {
public:
  RangeReader(const YamlNode& node, const std::string& path) : node_(node), path_(path) {
    for (const YamlNode::Entry& entry : node.entries) {
      if (std::ranges::find(range_keys, entry.key) == std::end(range_keys)) {
        throw InputError(entry.pos(), path + "." + entry.key,
                         "unknown key" + suggestion(entry.key, range_keys));
      }
    }
  }

  std::vector<YamlNode> values() const {
    const Quantity from = quantity("from");
    const Quantity to = quantity("to");
    if (from.unit != to.unit) {
      fail("to", "\"" + need("to").text + "\" has another unit than \"" + need("from").text +
                     "\"; write both in one");
    }
    if (!(from.number < to.number)) {
      fail("to", "\"" + need("to").text + "\" is not above \"" + need("from").text + "\"");
    }
    const bool by_step = node_.find("step") != nullptr;
    if (by_step == (node_.find("points") != nullptr)) {
      throw InputError(node_.pos(), path_, "give one of \"points\" and \"step\"");
    }
    std::vector<YamlNode> result;
    for (const double number : by_step ? stepped(from, to) : spaced(from, to)) {
      result.push_back(scalar_at(node_, to_text(Quantity{number, from.unit})));
    }
    return result;
  }

private:
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const {
    throw InputError(need(key).pos(), path_ + "." + key, problem);
  }
  const YamlNode& need(const std::string& key) const {
    const YamlNode* value = node_.find(key);
    if (value == nullptr) throw InputError(node_.pos(), path_ + "." + key, "missing");
    if (value->kind != Kind::scalar) {
      throw InputError(value->pos(), path_ + "." + key, "a plain value is expected");
    }
    return *value;
  }
  Quantity quantity(const std::string& key) const {
    const auto read = read_quantity(need(key).text);
    if (!read) fail(key, "\"" + need(key).text + "\" is no number; write a number with its unit");
    return *read;
  }
  bool logarithmic(const Quantity& from) const {
    if (node_.find("scale") == nullptr) return false;
    const std::string& scale = need("scale").text;
    if (scale != "log" && scale != "linear") {
      fail("scale", "unknown scale \"" + scale + "\" (one of: linear, log)");
    }
    if (scale == "log" && from.number <= 0) {
      fail("from", "\"" + need("from").text + "\" is not above 0, as scale: log needs");
    }
    return scale == "log";
  }
  std::vector<double> spaced(const Quantity& from, const Quantity& to) const {
    std::int32_t count = 0;
    try {
      count = parse_as<std::int32_t>(need("points").text);
    } catch (const std::invalid_argument& error) {
      fail("points", error.what());
    }
    if (count < 2 || count > most_values) {
      fail("points", fmt::format("\"{}\" is out of range (must be 2 to {})", count, most_values));
    }
    const bool log = logarithmic(from);
    std::vector<double> numbers = {from.number};
    for (int i = 1; i + 1 < count; ++i) {
      const double share = static_cast<double>(i) / (count - 1);
      numbers.push_back(log ? from.number * std::pow(to.number / from.number, share)
                            : from.number + (to.number - from.number) * share);
    }
    numbers.push_back(to.number);
    return numbers;
  }
  std::vector<double> stepped(const Quantity& from, const Quantity& to) const {
    const Quantity step = quantity("step");
    if (step.unit != from.unit) {
      fail("step", "\"" + need("step").text + "\" has another unit than \"" + need("from").text +
                       "\"; write both in one");
    }
    if (node_.find("scale") != nullptr && logarithmic(from)) {
      fail("scale", "\"log\" goes with \"points\"; give these instead of \"step\"");
    }
    if (!(step.number > 0) || (to.number - from.number) / step.number > most_values) {
      fail("step",
           fmt::format("\"{}\" is out of range (must be above 0 and give at most {} values)",
                       need("step").text, most_values));
    }
    std::vector<double> numbers;
    const auto steps = static_cast<int>((to.number - from.number) / step.number + 1e-9);
    for (int i = 0; i <= steps; ++i) numbers.push_back(from.number + i * step.number);
    return numbers;
  }

  const YamlNode& node_;
  const std::string& path_;
};

/// A part of a list or mapping in one line: in quotes where its own characters would end it.
std::string part(const YamlNode& node) {
  if (node.kind != Kind::scalar) return one_line(node);
  const bool plain =
      !node.text.empty() && node.text.find_first_of(",[]{}:#\"'\\\n") == node.text.npos;
  if (plain) return node.text;
  std::string quoted = "\"";
  for (const char c : node.text) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

template <class T>
std::optional<double> count_of(const std::string& text) {
  try {
    return static_cast<double>(parse_as<T>(text).count());
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<Quantity> read_quantity(const std::string& text) {
  Quantity quantity;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, quantity.number);
  if (error != std::errc{} || !std::isfinite(quantity.number)) return std::nullopt;
  quantity.unit.assign(stop, end);
  quantity.unit.erase(0, quantity.unit.find_first_not_of(' '));
  return quantity;
}

std::string to_text(const Quantity& quantity) {
  const std::string number = fmt::format("{:.9g}", quantity.number);
  return quantity.unit.empty() ? number : number + " " + quantity.unit;
}

std::vector<YamlNode> expand_values(const YamlNode& node, const std::string& path) {
  if (node.kind == Kind::map) return RangeReader(node, path).values();
  if (node.kind != Kind::list) {
    throw InputError(node.pos(), path,
                     "a list of values is expected, or a range like {from: 1, to: 4, points: 4}");
  }
  if (node.items.empty()) {
    throw InputError(node.pos(), path, "is empty; give at least one value, or remove it");
  }
  if (node.items.size() > most_values) {
    throw InputError(node.pos(), path, fmt::format("has more than {} values", most_values));
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (one_line(node.items[i]) != one_line(node.items[j])) continue;
      throw InputError(node.items[i].pos(), path + "." + std::to_string(i),
                       "\"" + one_line(node.items[i]) + "\" is there twice; remove one");
    }
    if (node.items[i].kind == Kind::null) {
      throw InputError(node.items[i].pos(), path + "." + std::to_string(i), "has no value");
    }
  }
  return node.items;
}

std::string one_line(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case Kind::null:
      return "";
    case Kind::scalar:
      return node.text;
    case Kind::list:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + part(item);
      return "[" + text + "]";
    case Kind::map:
      for (const YamlNode::Entry& entry : node.entries) {
        text += (text.empty() ? "" : ", ") + entry.key + ": " + part(entry.value);
      }
      return "{" + text + "}";
  }
  return text;
}

std::optional<BaseValue> base_value(const std::string& text) {
  if (const auto value = count_of<PerSecond>(text)) return BaseValue{*value, "/s"};
  if (const auto value = count_of<BytesPerSecond>(text)) return BaseValue{*value, "B/s"};
  if (const auto value = count_of<Bytes>(text)) return BaseValue{*value, "B"};
  if (const auto value = count_of<Seconds>(text)) return BaseValue{*value, "s"};
  if (const auto value = count_of<FlopsPerSecond>(text)) return BaseValue{*value, "flop/s"};
  const auto quantity = read_quantity(text);
  if (!quantity) return std::nullopt;
  if (quantity->unit.empty() || quantity->unit == "tok") return BaseValue{quantity->number, ""};
  if (quantity->unit == "%") return BaseValue{quantity->number / 100, ""};
  return std::nullopt;
}

}  // namespace calvo::sweeps
