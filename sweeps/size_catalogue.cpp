#include "sweeps/size_catalogue.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/parse.hpp"
#include "core/suggest.hpp"
#include "sweeps/tree_path.hpp"

namespace calvo::sweeps {
namespace {

using Kind = YamlNode::Kind;

constexpr std::size_t most_combinations = 20'000;
constexpr std::string_view catalogue_keys[] = {"currency", "as_of", "note", "slots"};
constexpr std::string_view slot_keys[] = {"ordered", "per", "options"};
constexpr std::string_view option_keys[] = {"price", "set"};
/// First parts of keys that say what is asked of the hardware.
constexpr std::string_view no_hardware[] = {"name", "seed", "slo", "workload", "simulation"};

/// A mapping of the catalogue, with no other keys than `known`.
const YamlNode& mapping(const YamlNode& node, const std::string& path,
                        std::span<const std::string_view> known) {
  if (node.kind != Kind::map) {
    throw InputError(node.pos(), path, "a mapping like \"key: value\" is expected");
  }
  for (const YamlNode::Entry& entry : node.entries) {
    if (known.empty() || std::ranges::find(known, entry.key) != known.end()) continue;
    throw InputError(entry.pos(), path.empty() ? entry.key : path + "." + entry.key,
                     "unknown key" + suggestion(entry.key, known));
  }
  return node;
}

const YamlNode& need(const YamlNode& map, const std::string& path, const std::string& key) {
  const YamlNode* value = map.find(key);
  if (value == nullptr || value->kind == Kind::null) {
    throw InputError(value == nullptr ? map.pos() : value->pos(),
                     path.empty() ? key : path + "." + key, "missing");
  }
  return *value;
}

std::string text_of(const YamlNode& node, const std::string& path) {
  if (node.kind != Kind::scalar) throw InputError(node.pos(), path, "a plain value is expected");
  return node.text;
}

template <class T>
T value_of(const YamlNode& node, const std::string& path) {
  try {
    return parse_as<T>(text_of(node, path));
  } catch (const std::invalid_argument& error) {
    throw InputError(node.pos(), path, error.what());
  }
}

double read_price(const YamlNode& node, const std::string& path) {
  const auto price = value_of<double>(node, path);
  if (price < 0) {
    throw InputError(node.pos(), path,
                     "\"" + node.text + "\" is negative; nobody pays you for hardware");
  }
  return price;
}

std::string read_date(const YamlNode& node, const std::string& path) {
  std::string text = text_of(node, path);
  constexpr std::string_view shape = "0000-00-00";
  bool good = text.size() == shape.size();
  for (std::size_t i = 0; good && i < shape.size(); ++i) {
    good = shape[i] == '-' ? text[i] == '-' : '0' <= text[i] && text[i] <= '9';
  }
  const auto part = [&](std::size_t from, std::size_t size) {
    return good ? std::stoi(text.substr(from, size)) : 0;
  };
  const std::chrono::year_month_day day{std::chrono::year{part(0, 4)},
                                        std::chrono::month{static_cast<unsigned>(part(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(part(8, 2))}};
  if (good && day.ok()) return text;
  throw InputError(node.pos(), path, "\"" + text + "\" is no date; write one like 2026-01-31");
}

CatalogueOption read_option(const YamlNode::Entry& entry, const std::string& path) {
  const YamlNode& node = mapping(entry.value, path, option_keys);
  CatalogueOption option{entry.key, 0, {}, entry.pos()};
  option.price = read_price(need(node, path, "price"), path + ".price");
  const YamlNode* set = node.find("set");
  if (set == nullptr) return option;  // the scenario as it is
  for (const YamlNode::Entry& each : mapping(*set, path + ".set", {}).entries) {
    const std::string where = path + ".set." + each.key;
    if (each.value.kind == Kind::null) throw InputError(each.pos(), where, "has no value");
    if (const std::string part = each.key.substr(0, each.key.find('.'));
        std::ranges::find(no_hardware, part) != std::end(no_hardware)) {
      throw InputError(each.pos(), where, "is no hardware; remove it");
    }
    YamlNode place;
    place.file = each.file;
    place.line = each.line;
    place.column = each.column;
    option.settings.push_back({each.key, place, each.value});
  }
  return option;
}

CatalogueSlot read_slot(const YamlNode::Entry& entry, const std::string& path) {
  const YamlNode& node = mapping(entry.value, path, slot_keys);
  CatalogueSlot slot;
  slot.name = entry.key;
  slot.pos = entry.pos();
  if (const YamlNode* ordered = node.find("ordered")) {
    slot.ordered = value_of<bool>(*ordered, path + ".ordered");
  }
  if (const YamlNode* per = node.find("per")) {
    if (per->kind != Kind::list) {
      throw InputError(per->pos(), path + ".per",
                       "a list like [topology.storage_nodes] is "
                       "expected");
    }
    for (const YamlNode& item : per->items) {
      slot.per.push_back(text_of(item, path + ".per"));
      if (std::ranges::find(count_keys, slot.per.back()) != std::end(count_keys)) continue;
      throw InputError(item.pos(), path + ".per",
                       "unknown count \"" + item.text + "\"" + suggestion(item.text, count_keys));
    }
  }
  const YamlNode& options = need(node, path, "options");
  for (const YamlNode::Entry& each : mapping(options, path + ".options", {}).entries) {
    slot.options.push_back(read_option(each, path + ".options." + each.key));
  }
  if (slot.options.empty()) {
    throw InputError(options.pos(), path + ".options", "is empty; name at least one option");
  }
  return slot;
}

/// Whether laying one over the other depends on their order.
bool overlap(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + ".") || b.starts_with(a + ".");
}

void refuse_shared_keys(const std::vector<CatalogueSlot>& slots) {
  for (const CatalogueSlot& slot : slots) {
    for (const CatalogueSlot& other : slots) {
      if (&other == &slot) break;
      for (const CatalogueOption& option : slot.options) {
        for (const scenarios::Setting& setting : option.settings) {
          for (const CatalogueOption& earlier : other.options) {
            for (const scenarios::Setting& theirs : earlier.settings) {
              if (!overlap(setting.key, theirs.key)) continue;
              throw InputError(setting.place.pos(), "slots." + slot.name,
                               fmt::format("sets \"{}\", and slot \"{}\" sets \"{}\"; let one slot "
                                           "set both",
                                           setting.key, other.name, theirs.key));
            }
          }
        }
      }
    }
  }
}

Catalogue read(const YamlNode& tree, const std::string& file) {
  const YamlNode& root = mapping(tree, "", catalogue_keys);
  Catalogue catalogue;
  catalogue.file = file;
  catalogue.currency = text_of(need(root, "", "currency"), "currency");
  catalogue.as_of = read_date(need(root, "", "as_of"), "as_of");
  if (const YamlNode* note = root.find("note")) catalogue.note = text_of(*note, "note");
  const YamlNode& slots = need(root, "", "slots");
  for (const YamlNode::Entry& entry : mapping(slots, "slots", {}).entries) {
    catalogue.slots.push_back(read_slot(entry, "slots." + entry.key));
  }
  if (catalogue.slots.empty()) {
    throw InputError(slots.pos(), "slots", "is empty; name at least one part that is bought");
  }
  refuse_shared_keys(catalogue.slots);
  return catalogue;
}

/// How many of `key` the combination has.
double count_of(const Catalogue& catalogue, const Combination& combination, const std::string& key,
                const YamlNode& scenario, const SourcePos& pos) {
  std::string text = text_at(scenario, key);
  for (const scenarios::Setting& setting : settings_of(catalogue, combination)) {
    if (setting.key == key) text = setting.value.text;
  }
  try {
    return static_cast<double>(parse_as<std::int64_t>(text));
  } catch (const std::invalid_argument& error) {
    throw InputError(pos, "per", "\"" + key + "\" is no count: " + error.what());
  }
}

}  // namespace

Catalogue read_catalogue(const std::string& file) {
  return read(read_yaml_file(file), file);
}

Catalogue read_catalogue_text(const std::string& text, const std::string& file) {
  return read(read_yaml_text(text, file), file);
}

std::vector<scenarios::Setting> settings_of(const Catalogue& catalogue,
                                            const Combination& combination) {
  std::vector<scenarios::Setting> settings;
  for (std::size_t i = 0; i < catalogue.slots.size(); ++i) {
    const CatalogueOption& option = catalogue.slots[i].options[combination.choice[i]];
    settings.insert(settings.end(), option.settings.begin(), option.settings.end());
  }
  return settings;
}

std::string name_of(const Catalogue& catalogue, const Combination& combination) {
  std::string name;
  for (std::size_t i = 0; i < catalogue.slots.size(); ++i) {
    const CatalogueSlot& slot = catalogue.slots[i];
    name += fmt::format("{}{} {}", i == 0 ? "" : ", ", slot.name,
                        slot.options[combination.choice[i]].name);
  }
  return name;
}

std::vector<Combination> combinations(const Catalogue& catalogue, const YamlNode& scenario) {
  std::size_t count = 1;
  for (const CatalogueSlot& slot : catalogue.slots) {
    count *= slot.options.size();
    if (count > most_combinations) {
      throw InputError(
          {catalogue.file, 0, 0}, "slots",
          fmt::format("have more than {} combinations; take some options out", most_combinations));
    }
  }
  std::vector<Combination> all(count);
  for (std::size_t index = 0; index < count; ++index) {
    Combination& each = all[index];
    each.choice.resize(catalogue.slots.size());
    std::size_t rest = index;
    for (std::size_t i = catalogue.slots.size(); i-- > 0;) {
      each.choice[i] = rest % catalogue.slots[i].options.size();
      rest /= catalogue.slots[i].options.size();
    }
    for (std::size_t i = 0; i < catalogue.slots.size(); ++i) {
      const CatalogueSlot& slot = catalogue.slots[i];
      double pieces = 1;
      for (const std::string& key : slot.per) {
        pieces *= count_of(catalogue, each, key, scenario, slot.pos);
      }
      each.pieces.push_back(pieces);
      each.price += pieces * slot.options[each.choice[i]].price;
    }
  }
  std::ranges::stable_sort(all, {}, &Combination::price);
  return all;
}

}  // namespace calvo::sweeps
