#include "sweeps/sweep_file.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "analysis/sweep_table.hpp"
#include "core/suggest.hpp"
#include "core/text_file.hpp"
#include "core/yaml_section.hpp"
#include "sweeps/values.hpp"

namespace calvo::sweeps {
namespace {

using Kind = YamlNode::Kind;
using scenarios::Setting;

constexpr int most_seeds = 100'000;

YamlNode place_of(const YamlNode::Entry& entry) {
  YamlNode place;
  place.file = entry.file;
  place.line = entry.line;
  place.column = entry.column;
  return place;
}

/// Keys that may be no setting, because the sweep has a word of its own for them.
void check_key(const YamlNode::Entry& entry, const std::string& path, bool engines_given) {
  if (entry.key == "seed") {
    throw InputError(entry.pos(), path, "is not set here; write \"seeds\" beside \"axes\"");
  }
  if (entry.key == "engine" && engines_given) {
    throw InputError(entry.pos(), path, "is not set here where there are \"engines\"");
  }
  if (entry.value.kind == Kind::null) throw InputError(entry.pos(), path, "has no value");
}

const YamlNode* mapping(const YamlNode& root, std::string_view key) {
  const YamlNode* node = root.find(key);
  if (node != nullptr && node->kind != Kind::map) {
    throw InputError(node->pos(), std::string(key), "a mapping like \"key: value\" is expected");
  }
  return node;
}

std::vector<Setting> settings_of(const YamlNode& map, const std::string& path, bool engines_given) {
  std::vector<Setting> settings;
  for (const YamlNode::Entry& entry : map.entries) {
    check_key(entry, path + "." + entry.key, engines_given);
    settings.push_back({entry.key, place_of(entry), entry.value});
  }
  return settings;
}

std::vector<std::vector<Setting>> read_points(const YamlNode& root, bool engines_given) {
  std::vector<std::vector<Setting>> points;
  const YamlNode* node = root.find("points");
  if (node == nullptr) return points;
  for (const YamlNode& item : expand_values(*node, "points")) {
    const std::string path = "points." + std::to_string(points.size());
    if (item.kind != Kind::map || item.entries.empty()) {
      throw InputError(item.pos(), path, "a mapping like {hardware.nic: rdma_100g} is expected");
    }
    points.push_back(settings_of(item, path, engines_given));
  }
  return points;
}

std::vector<Axis> read_axes(const YamlNode& root, bool engines_given) {
  std::vector<Axis> axes;
  const YamlNode* node = mapping(root, "axes");
  if (node == nullptr) return axes;
  if (node->entries.empty()) {
    throw InputError(node->pos(), "axes", "is empty; name a key of the scenario, or remove it");
  }
  for (const YamlNode::Entry& entry : node->entries) {
    const std::string path = "axes." + entry.key;
    check_key(entry, path, engines_given);
    if (entry.key == "engine") {
      throw InputError(entry.pos(), path, "is no axis; write \"engines\" beside \"axes\"");
    }
    axes.push_back({entry.key, place_of(entry), expand_values(entry.value, path)});
  }
  return axes;
}

std::vector<YamlNode> read_engines(const YamlNode& root) {
  const YamlNode* node = root.find("engines");
  if (node == nullptr) return {};
  if (node->kind != Kind::list) {
    throw InputError(node->pos(), "engines", "a list like [vllm_sync, calvo] is expected");
  }
  return expand_values(*node, "engines");
}

std::vector<std::uint64_t> read_seeds(const YamlSection& root) {
  std::vector<std::uint64_t> seeds;
  if (!root.has("seeds")) return seeds;
  if (!root.is_list("seeds")) {
    const int count = root.required<std::int32_t>("seeds", between(1, most_seeds));
    for (int i = 1; i <= count; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
    return seeds;
  }
  seeds = root.required_list<std::uint64_t>("seeds");
  if (seeds.empty()) root.fail("seeds", "is empty; give at least one seed, or a count");
  if (std::set<std::uint64_t>(seeds.begin(), seeds.end()).size() != seeds.size()) {
    root.fail("seeds", "a seed is there twice; remove one");
  }
  return seeds;
}

Keep read_keep(const YamlSection& root) {
  constexpr std::string_view names[] = {"summary",  "requests", "scenario",
                                        "timeline", "events",   "environment"};
  Keep keep;
  const auto list = root.optional_list<std::string>("keep");
  if (!list) return keep;
  bool Keep::*const members[] = {nullptr,         &Keep::requests, &Keep::scenario,
                                 &Keep::timeline, &Keep::events,   &Keep::environment};
  for (const std::string& name : *list) {
    const auto found = std::ranges::find(names, name);
    if (found == std::end(names)) {
      root.fail("keep", "unknown file \"" + name + "\"" + suggestion(name, names));
    }
    if (bool Keep::*const member = members[found - std::begin(names)]) keep.*member = true;
  }
  return keep;
}

std::optional<Until> read_until(const YamlSection& root, std::size_t seeds) {
  const auto section = root.optional_section("until");
  if (!section) return std::nullopt;
  Until until;
  const auto names = analysis::cell_metric_names();
  until.metric = std::string(names[section->required_name("metric", "metric", names)]);
  until.half_width = section->optional("half_width", 0.0, positive<double>());
  until.relative_half_width =
      section->optional("relative_half_width", Share{}, positive<Share>()).value;
  if ((until.half_width > 0) == (until.relative_half_width > 0)) {
    section->fail("", "give one of \"half_width\" (in the unit of " + until.metric +
                          ") and \"relative_half_width\" (a share of it)");
  }
  const int first = static_cast<int>(std::max<std::size_t>(seeds, 1));
  until.max_seeds = section->required<std::int32_t>("max_seeds", between(2, most_seeds));
  if (until.max_seeds < first) {
    section->fail("max_seeds", fmt::format("\"{}\" is below the {} seeds that each cell begins "
                                           "with; raise it or lower \"seeds\"",
                                           until.max_seeds, first));
  }
  return until;
}

Goodput::Search read_search(const YamlSection& section, const YamlNode& node) {
  Goodput::Search search;
  search.rate_key = section.optional<std::string>("rate", "");
  const YamlNode* place = node.find(search.rate_key.empty() ? "from" : "rate");
  if (place != nullptr) search.place = *place;
  const auto quantity = [&](const char* key) {
    const std::string text = section.required<std::string>(key);
    const auto read = read_quantity(text);
    if (!read || read->number <= 0) {
      section.fail(key, "\"" + text + "\" is no rate above 0; write one like 0.5 /s");
    }
    return *read;
  };
  const Quantity from = quantity("from");
  const Quantity to = quantity("to");
  if (from.unit != to.unit) section.fail("to", "has another unit than \"from\"; write both in one");
  if (!(from.number < to.number)) section.fail("to", "is not above \"from\"");
  search.from = from.number;
  search.to = to.number;
  search.unit = from.unit;
  search.tolerance =
      section.optional("tolerance", Share{0.05}, Range<Share>{Share{0}, {}, Share{0.5}}).value;
  return search;
}

Goodput read_goodput(const YamlSection& root, const YamlNode& tree) {
  Goodput goodput;
  const auto section = root.optional_section("goodput");
  if (!section) return goodput;
  goodput.wanted = true;
  goodput.attainment =
      section->optional("attainment", Share{0.9}, Range<Share>{Share{0}, {}, Share{1}}).value;
  const bool searches = section->has("from") || section->has("to") || section->has("rate") ||
                        section->has("tolerance");
  if (searches) goodput.search = read_search(*section, *tree.find("goodput"));
  return goodput;
}

SweepFile read(const YamlNode& tree, const std::string& path, const std::string& text,
               const scenarios::SearchPath& search) {
  const YamlSection root(tree);
  SweepFile sweep;
  sweep.path = path;
  sweep.text = text;
  sweep.scenario = root.required<std::string>("scenario");
  sweep.scenario_path = scenarios::find_file(root, "scenario", search).path;
  sweep.scenario_text = read_text(sweep.scenario_path);
  sweep.name = root.optional<std::string>("name", std::filesystem::path(path).stem().string());
  if (sweep.name.empty() || sweep.name.find('/') != std::string::npos) {
    root.fail("name", "\"" + sweep.name + "\" cannot be part of a path; write a plain word");
  }
  sweep.description = root.optional<std::string>("description", "");
  for (const char* key : {"set", "engines", "points", "axes"}) root.has(key);
  sweep.engines = read_engines(tree);
  const bool engines_given = !sweep.engines.empty();
  if (const YamlNode* set = mapping(tree, "set")) {
    sweep.set = settings_of(*set, "set", engines_given);
  }
  sweep.points = read_points(tree, engines_given);
  sweep.axes = read_axes(tree, engines_given);
  sweep.seeds = read_seeds(root);
  sweep.keep = read_keep(root);
  sweep.until = read_until(root, sweep.seeds.size());
  sweep.goodput = read_goodput(root, tree);
  constexpr std::string_view machines[] = {"own", "as_written"};
  sweep.deadlines = static_cast<scenarios::DeadlineMachines>(
      root.optional_name("deadlines", "machines of deadlines", machines, 0));
  root.reject_unknown_keys();
  return sweep;
}

}  // namespace

std::string read_text(const std::string& path) {
  read_yaml_file(path);  // for its errors
  return read_file(path).value_or("");
}

SweepFile read_sweep_text(const std::string& text, const std::string& path,
                          const scenarios::SearchPath& search) {
  return read(read_yaml_text(text, path), path, text, search);
}

SweepFile read_sweep_file(const std::string& path, const scenarios::SearchPath& search) {
  return read(read_yaml_file(path), path, read_text(path), search);
}

}  // namespace calvo::sweeps
