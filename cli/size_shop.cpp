#include "cli/size_shop.hpp"

#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "sweeps/results.hpp"
#include "sweeps/size_catalogue.hpp"
#include "sweeps/tree_path.hpp"
#include "sweeps/values.hpp"
#include "sweeps/what_if.hpp"

namespace calvo::cli {
namespace {

constexpr double highest_reserve = 4;  // times the rate asked for

/// The key that is the rate of the scenario's arrivals.
std::string rate_key_of(const std::string& scenario) {
  const YamlNode tree = read_yaml_file(scenario);
  const bool trace = sweeps::node_at(tree, "workload.trace") != nullptr;
  return std::string(sweeps::rate_keys[trace ? 1 : 0]);
}

/// What the command line changes of the scenario.
std::vector<scenarios::Setting> settings_of(const SizeQuestion& question) {
  std::vector<scenarios::Setting> settings;
  if (!question.search.engine.empty())
    settings.push_back(sweeps::setting("engine", question.search.engine));
  if (!question.rate.empty()) {
    settings.push_back(sweeps::setting(rate_key_of(question.search.scenario), question.rate));
    settings.back().place.file = settings.back().value.file =
        std::make_shared<const std::string>("--rate");
  }
  return settings;
}

}  // namespace

Shop::Shop(const SizeQuestion& question) : question_(question), settings_(settings_of(question)) {
  const std::string& file = question.search.scenario;
  scenarios::LoadOptions load;
  load.settings = settings_;
  const sweeps::WrittenOut scenario = sweeps::write_out_scenario(file, load, "calvo size");
  text_ = scenario.text;
  sizing_.scenario = scenario.name;
  sizing_.engine = scenario.engine;
  sizing_.rate = question.rate;
  sizing_.target = question.target;
  sizing_.seeds = seeds_of(question.search);
  rate_ = question.rate.empty() && question.reserve
              ? sweeps::text_at(scenario.tree, rate_key_of(file))
              : question.rate;
  if (question.reserve) check_rate();
  sizing_.catalogue = sweeps::read_catalogue(question.catalogue);
  sizing_.combinations = sweeps::combinations(sizing_.catalogue, scenario.tree);
  check_options();
  work_.emplace(question.search, sweep());
}

void Shop::check_rate() const {
  const auto rate = sweeps::read_quantity(rate_);
  if (rate && rate->number > 0 && sweeps::base_value(rate_)) return;
  throw InputError({"calvo size", 0, 0}, "--reserve",
                   rate_.empty() ? "the scenario names no rate; give one with --rate"
                                 : "\"" + rate_ + "\" is no rate above 0");
}

/// Lays each option over the scenario, so that what is wrong with one is told before anything is
/// simulated.
void Shop::check_options() const {
  const std::vector<sweeps::CatalogueSlot>& slots = sizing_.catalogue.slots;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    std::set<std::string> seen;
    for (std::size_t option = 0; option < slots[slot].options.size(); ++option) {
      sweeps::Combination each;
      each.choice.assign(slots.size(), 0);
      each.choice[slot] = option;
      scenarios::LoadOptions load;
      load.settings = settings_;
      for (const auto& setting : sweeps::settings_of(sizing_.catalogue, each)) {
        load.settings.push_back(setting);
      }
      const std::string resolved =
          scenarios::resolve_scenario_text(text_, question_.search.scenario, load).yaml;
      if (seen.insert(resolved).second) continue;
      const sweeps::CatalogueOption& twin = slots[slot].options[option];
      throw InputError(twin.pos, "slots." + slots[slot].name + ".options." + twin.name,
                       "makes the same machines as an option before it; does the scenario say "
                       "itself what it sets?");
    }
  }
}

sweeps::SweepFile Shop::sweep() const {
  sweeps::SweepFile sweep;
  sweep.path = sizing_.catalogue.file;
  sweep.name = "size";
  sweep.scenario = sweep.scenario_path = question_.search.scenario;
  sweep.scenario_text = text_;
  sweep.set = settings_;
  sweep.seeds = sizing_.seeds;
  sweep.deadlines = scenarios::DeadlineMachines::as_written;
  return sweep;
}

bool Shop::search() {
  std::vector<bool> ordered;
  for (const auto& slot : sizing_.catalogue.slots) ordered.push_back(slot.ordered);
  sweeps::CheapestSearch search(sizing_.combinations, ordered);
  while (const auto position = search.next()) {
    tell(search, *position);
    if (simulate({*position})) return true;
    search.tell(*position, sizing_.at(*position)->answer);
  }
  sizing_.best = search.best();
  if (!sizing_.best) return false;
  std::vector<std::size_t> missing = sweeps::savings(sizing_.combinations, *sizing_.best);
  std::erase_if(missing, [&](std::size_t position) { return sizing_.at(position) != nullptr; });
  if (!missing.empty() && simulate(missing)) return true;
  return question_.reserve && find_reserve();
}

int Shop::told_interruption() const {
  return work_->told_interruption(fmt::format("the simulations of {} of {} combinations were done",
                                              sizing_.simulated.size(),
                                              sizing_.combinations.size()));
}

bool Shop::simulate(const std::vector<std::size_t>& positions) {
  sweeps::SweepFile file = sweep();
  for (const std::size_t position : positions) {
    file.points.push_back(sweeps::settings_of(sizing_.catalogue, sizing_.combinations[position]));
  }
  const sweeps::Plan plan(std::move(file));
  sweeps::Schedule schedule(plan);
  if (work_->run(schedule)) return true;
  const std::vector<sweeps::CellRecord> cells = schedule.cells();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    sizing_.simulated.push_back(sweeps::size_up(positions[i], schedule, cells[i], sizing_.target));
  }
  return false;
}

/// Up to which rate the best meets the target, by bisection.
bool Shop::find_reserve() {
  sweeps::RateReserve reserve;
  reserve.asked = *sweeps::read_quantity(rate_);
  const sweeps::BaseValue base = *sweeps::base_value(rate_);
  reserve.asked_base = base.number;
  reserve.unit = base.unit;
  reserve.highest = highest_reserve * base.number;

  sweeps::SweepFile file = sweep();
  std::erase_if(file.set, [&](const scenarios::Setting& each) {
    return each.key == rate_key_of(question_.search.scenario);
  });
  file.points = {sweeps::settings_of(sizing_.catalogue, sizing_.combinations[*sizing_.best])};
  file.goodput.attainment = sizing_.target;
  file.goodput.search = {.rate_key = rate_key_of(question_.search.scenario),
                         .place = {},
                         .from = reserve.asked.number,
                         .to = highest_reserve * reserve.asked.number,
                         .unit = reserve.asked.unit,
                         .tolerance = 0.05};
  const sweeps::Plan plan(std::move(file));
  sweeps::Schedule schedule(plan);
  if (work_->run(schedule)) return true;
  const std::vector<sweeps::RateFound> found = sweeps::rates_of(schedule);
  if (!found.empty()) reserve.crossing = found.front().crossing;
  sizing_.reserve = std::move(reserve);
  return false;
}

void Shop::tell(const sweeps::CheapestSearch& search, std::size_t position) const {
  if (question_.search.quiet) return;
  const sweeps::Combination& next = sizing_.combinations[position];
  std::string best = "none meets it yet";
  if (search.best()) {
    best = fmt::format("{} {} meets it", sizing_.combinations[*search.best()].price,
                       sizing_.catalogue.currency);
  }
  fmt::print(stderr, "{} tried, {} undecided, {}; trying {} {}: {}\n", sizing_.simulated.size(),
             search.undecided(), best, next.price, sizing_.catalogue.currency,
             sweeps::name_of(sizing_.catalogue, next));
}

}  // namespace calvo::cli
