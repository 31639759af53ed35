#include "sweeps/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include "sweeps/values.hpp"

namespace calvo::sweeps {
namespace {

using scenarios::Setting;

constexpr std::size_t most_cells = 100'000;

std::string hash_of(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}", hash.low64).substr(0, 12);
}

/// The part of a key that tells it from the others.
std::string short_key(const std::string& key, const std::vector<std::string>& keys) {
  const auto last = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  const auto alike = std::ranges::count(keys, last(key), last);
  return alike > 1 ? key : last(key);
}

/// Replaces the texts of `cell` by those of `settings`, where they have a column.
void lay(Cell& cell, const std::vector<Setting>& settings,
         const std::vector<std::string>& columns) {
  for (const Setting& setting : settings) {
    cell.settings.push_back(setting);
    const auto column = std::ranges::find(columns, setting.key);
    if (column == columns.end()) continue;
    cell.texts[static_cast<std::size_t>(column - columns.begin())] = one_line(setting.value);
  }
}

}  // namespace

Plan::Plan(SweepFile file, scenarios::SearchPath search)
    : file_(std::move(file)), search_(std::move(search)), seeds_(file_.seeds) {
  name_columns();
  find_rate_key();
  std::vector<Cell> cells = combine();
  if (seeds_.empty()) {
    scenarios::LoadOptions options = load_options(cells.front(), 0);
    options.seed.reset();
    seeds_ = {
        scenarios::resolve_scenario_text(file_.scenario_text, file_.scenario_path, options).seed};
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i].index = i;
    resolve(cells[i]);
  }
  for (const Cell& cell : cells) {
    if (std::ranges::find(engines_, cell.engine) == engines_.end()) engines_.push_back(cell.engine);
  }
  group_by_rate(cells);
  refuse_without_rate(cells);
  const auto& wanted = file_.goodput.search;
  // A search says itself at which rates it looks; the grid has others only if it names them.
  if (!wanted ||
      std::ranges::any_of(cells, [](const Cell& cell) { return cell.rate.has_value(); })) {
    grid_ = std::move(cells);
  }
  refuse_twins();
  if (!wanted) return;
  if (file_.until && grid_.empty()) {
    throw InputError({file_.path, 0, 0}, "until",
                     "is about cells of a grid, and this sweep has a search only; remove it");
  }
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    cell_at(group, wanted->from);
    cell_at(group, wanted->to);
  }
}

void Plan::name_columns() {
  const auto add = [&](const std::string& key) {
    if (key != "engine" && std::ranges::find(columns_, key) == columns_.end()) {
      columns_.push_back(key);
    }
  };
  for (const auto& point : file_.points) {
    for (const Setting& setting : point) add(setting.key);
  }
  for (const Axis& axis : file_.axes) {
    if (std::ranges::find(columns_, axis.key) != columns_.end()) {
      throw InputError(axis.place.pos(), "axes." + axis.key,
                       "stands in \"points\" too; remove one of them");
    }
    add(axis.key);
  }
}

void Plan::find_rate_key() {
  const auto& wanted = file_.goodput.search;
  if (wanted) rate_key_ = wanted->rate_key;
  for (const std::string_view key : rate_keys) {
    if (rate_key_.empty() && std::ranges::find(columns_, key) != columns_.end()) rate_key_ = key;
  }
  if (wanted && rate_key_.empty()) {
    const YamlNode tree = read_yaml_text(file_.scenario_text, file_.scenario_path);
    const YamlNode* workload = tree.find("workload");
    const bool trace = workload != nullptr && workload->find("trace") != nullptr;
    rate_key_ = rate_keys[trace ? 1 : 0];
  }
  if (wanted && std::ranges::find(columns_, rate_key_) == columns_.end()) {
    columns_.push_back(rate_key_);
  }
  if (rate_key_.empty()) return;
  rate_unit_ = rate_key_ == rate_keys[0] ? "/s" : "";
  if (!wanted) return;
  const auto base = base_value(to_text(Quantity{wanted->from, wanted->unit}));
  if (!base || (base->unit != "/s" && rate_key_ != rate_keys[1])) {
    throw InputError(wanted->place.pos(),
                     wanted->rate_key.empty() ? "goodput.from" : "goodput.rate",
                     fmt::format("\"{}\" from \"{}\" is no rate, and goodput is one; write a rate "
                                 "like 0.5 /s, or give the values as an axis and read the "
                                 "attainments",
                                 rate_key_, to_text(Quantity{wanted->from, wanted->unit})));
  }
  rate_unit_ = base->unit;
}

std::vector<Cell> Plan::combine() const {
  std::size_t count = std::max<std::size_t>(file_.engines.size(), 1) *
                      std::max<std::size_t>(file_.points.size(), 1);
  for (const Axis& axis : file_.axes) count = std::min(count, most_cells) * axis.values.size();
  if (count > most_cells) {
    throw InputError({file_.path, 0, 0}, "",
                     fmt::format("has more than {} cells; make axes shorter", most_cells));
  }
  Cell first;
  first.texts.resize(columns_.size());
  lay(first, file_.set, columns_);
  std::vector<Cell> cells = {first};
  const auto multiply = [&](const std::vector<std::vector<Setting>>& choices) {
    std::vector<Cell> result;
    result.reserve(cells.size() * choices.size());
    for (const Cell& cell : cells) {
      for (const std::vector<Setting>& choice : choices) {
        result.push_back(cell);
        lay(result.back(), choice, columns_);
      }
    }
    cells = std::move(result);
  };
  if (!file_.engines.empty()) {
    std::vector<std::vector<Setting>> choices;
    for (const YamlNode& engine : file_.engines) choices.push_back({{"engine", engine, engine}});
    multiply(choices);
  }
  if (!file_.points.empty()) multiply(file_.points);
  for (const Axis& axis : file_.axes) {
    std::vector<std::vector<Setting>> choices;
    for (const YamlNode& value : axis.values) choices.push_back({{axis.key, axis.place, value}});
    multiply(choices);
  }
  const auto rate = std::ranges::find(columns_, rate_key_);
  if (rate == columns_.end()) return cells;
  for (Cell& cell : cells) {
    const auto base = base_value(cell.texts[static_cast<std::size_t>(rate - columns_.begin())]);
    if (base) cell.rate = base->number;
  }
  return cells;
}

std::string Plan::cell_name(const Cell& cell) const {
  std::string name = cell.engine;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (cell.texts[i].empty()) continue;
    name += fmt::format(", {} {}", short_key(columns_[i], columns_), cell.texts[i]);
  }
  return name;
}

scenarios::LoadOptions Plan::load_options(const Cell& cell, std::uint64_t seed) const {
  scenarios::LoadOptions options;
  options.settings = cell.settings;
  options.seed = seed;
  options.deadlines = file_.deadlines;
  options.search = search_;
  return options;
}

void Plan::resolve(Cell& cell) const {
  const scenarios::ResolvedScenario resolved = scenarios::resolve_scenario_text(
      file_.scenario_text, file_.scenario_path, load_options(cell, 0));
  const bool own = file_.deadlines == scenarios::DeadlineMachines::own;
  cell.id = hash_of(own ? resolved.yaml : resolved.yaml + "deadlines of\n" + file_.scenario_text);
  cell.engine = resolved.engine;
  cell.workload = resolved.workload;
  cell.name = cell_name(cell);
}

/// A search lays a rate over each cell: over what has none, it would be one workload too many.
void Plan::refuse_without_rate(const std::vector<Cell>& cells) const {
  const auto& wanted = file_.goodput.search;
  const auto key = std::ranges::find(rate_keys, rate_key_);
  if (!wanted || key == std::end(rate_keys)) return;
  for (const Cell& cell : cells) {
    if (cell.workload == rate_workloads[key - std::begin(rate_keys)]) continue;
    throw InputError(wanted->place.pos(), "goodput",
                     cell.workload == traces::WorkloadKind::requests
                         ? fmt::format("the workload of \"{}\" is requests written out, which have "
                                       "no rate; take a synthetic one or a trace",
                                       cell.name)
                         : fmt::format("the workload of \"{}\" has no {}; name its rate as "
                                       "goodput.rate",
                                       cell.name, rate_key_));
  }
}

void Plan::refuse_twins() const {
  std::map<std::string, const Cell*> seen;
  for (const Cell& cell : grid_) {
    const auto [entry, is_new] = seen.try_emplace(cell.id, &cell);
    if (is_new) continue;
    throw InputError({file_.path, 0, 0}, "",
                     fmt::format("\"{}\" and \"{}\" are the same scenario; remove one",
                                 entry->second->name, cell.name));
  }
}

void Plan::group_by_rate(const std::vector<Cell>& cells) {
  if (rate_key_.empty()) return;
  const auto column =
      static_cast<std::size_t>(std::ranges::find(columns_, rate_key_) - columns_.begin());
  std::map<std::pair<std::string, std::vector<std::string>>, std::size_t> known;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    RateGroup group{cells[i].engine, cells[i].settings, cells[i].texts, {}};
    group.texts[column].clear();
    std::erase_if(group.settings, [&](const Setting& each) { return each.key == rate_key_; });
    const auto [entry, is_new] = known.try_emplace({group.engine, group.texts}, groups_.size());
    if (is_new) groups_.push_back(std::move(group));
    if (cells[i].rate) groups_[entry->second].grid.push_back(i);
  }
  for (RateGroup& group : groups_) {
    std::ranges::stable_sort(group.grid, {}, [&](std::size_t i) { return *cells[i].rate; });
  }
}

Cell Plan::cell_at(std::size_t index, double rate) const {
  const Goodput::Search& wanted = *file_.goodput.search;
  const RateGroup& group = groups_[index];
  Cell cell;
  cell.kind = analysis::PointKind::search;
  cell.index = index;
  cell.search_rate = rate;
  cell.settings = group.settings;
  cell.texts = group.texts;
  YamlNode value = wanted.place;
  value.kind = YamlNode::Kind::scalar;
  value.text = to_text(Quantity{rate, wanted.unit});
  cell.rate = base_value(value.text)->number;
  lay(cell, {{rate_key_, wanted.place, value}}, columns_);
  resolve(cell);
  return cell;
}

std::string Plan::identity() const {
  std::string all = "1\n";
  for (const Cell& cell : grid_) all += cell.id + "\n";
  all += fmt::format("{}\n", fmt::join(seeds_, ","));
  const Keep& keep = file_.keep;
  all += fmt::format("{} {} {} {} {}\n", keep.requests, keep.scenario, keep.timeline, keep.events,
                     keep.environment);
  if (const auto& until = file_.until) {
    all += fmt::format("until {} {} {} {}\n", until->metric, until->half_width,
                       until->relative_half_width, until->max_seeds);
  }
  all += fmt::format("goodput {}\n", file_.goodput.attainment);
  if (const auto& wanted = file_.goodput.search) {
    all += fmt::format("search {} {} {} {}\n", wanted->from, wanted->to, wanted->unit,
                       wanted->tolerance);
    for (std::size_t i = 0; i < groups_.size(); ++i) all += cell_at(i, wanted->from).id + "\n";
  }
  return hash_of(all);
}

}  // namespace calvo::sweeps
