#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/checks.hpp"
#include "cli/sweep_work.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "sweeps/results.hpp"
#include "sweeps/size_catalogue.hpp"
#include "sweeps/size_report.hpp"
#include "sweeps/size_search.hpp"
#include "sweeps/tree_path.hpp"
#include "sweeps/values.hpp"
#include "sweeps/what_if.hpp"

namespace calvo::cli {
namespace {

using sweeps::Catalogue;
using sweeps::CheapestSearch;
using sweeps::Combination;

struct SizeArguments {
  std::string scenario;
  std::string catalogue;
  std::string attainment = "90%";
  std::string rate;
  std::string engine;
  int seeds = 5;
  int jobs = 0;  ///< 0: one a core
  bool reserve = false;
  std::string format = "text";
  bool json = false;
  bool quiet = false;
};

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw InputError({"calvo size", 0, 0}, option, problem);
}

double target_of(const std::string& text) {
  try {
    const double target = parse_as<Share>(text).value;
    if (target > 0) return target;
  } catch (const std::invalid_argument&) {  // told below
  }
  refuse("--attainment", "\"" + text + "\" is no share above 0; write one like 90%");
}

constexpr double highest_reserve = 4;  // times the rate asked for

/// The key that is the rate of the scenario's arrivals.
std::string rate_key_of(const std::string& scenario) {
  const YamlNode tree = read_yaml_file(scenario);
  const bool trace = sweeps::node_at(tree, "workload.trace") != nullptr;
  return std::string(sweeps::rate_keys[trace ? 1 : 0]);
}

/// What the command line changes of the scenario.
std::vector<scenarios::Setting> settings_of(const SizeArguments& options) {
  std::vector<scenarios::Setting> settings;
  if (!options.engine.empty()) settings.push_back(sweeps::setting("engine", options.engine));
  if (!options.rate.empty()) {
    settings.push_back(sweeps::setting(rate_key_of(options.scenario), options.rate));
    settings.back().place.file = settings.back().value.file =
        std::make_shared<const std::string>("--rate");
  }
  return settings;
}

/// Simulates combinations and keeps what they came to.
class Shop {
public:
  Shop(const SizeArguments& options, Catalogue catalogue, double target)
      : options_(options), settings_(settings_of(options)) {
    scenarios::LoadOptions load;
    load.settings = settings_;
    const sweeps::WrittenOut scenario =
        sweeps::write_out_scenario(options.scenario, load, "calvo size");
    text_ = sweeps::read_text(options.scenario);
    sizing_.scenario = scenario.name;
    sizing_.engine = scenario.engine;
    sizing_.rate = options.rate;
    sizing_.target = target;
    for (int i = 1; i <= options.seeds; ++i) {
      sizing_.seeds.push_back(static_cast<std::uint64_t>(i));
    }
    rate_ = options.rate.empty() && options.reserve
                ? sweeps::text_at(scenario.tree, rate_key_of(options.scenario))
                : options.rate;
    if (options.reserve) check_rate();
    sizing_.catalogue = std::move(catalogue);
    sizing_.combinations = sweeps::combinations(sizing_.catalogue, scenario.tree);
    check_options();
  }

  const sweeps::Sizing& sizing() const { return sizing_; }

  /// Whether it was interrupted.
  bool search() {
    std::vector<bool> ordered;
    for (const auto& slot : sizing_.catalogue.slots) ordered.push_back(slot.ordered);
    CheapestSearch search(sizing_.combinations, ordered);
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
    return options_.reserve && find_reserve();
  }

private:
  sweeps::SweepFile sweep() const {
    sweeps::SweepFile sweep;
    sweep.path = sizing_.catalogue.file;
    sweep.name = "size";
    sweep.scenario = sweep.scenario_path = options_.scenario;
    sweep.scenario_text = text_;
    sweep.set = settings_;
    sweep.seeds = sizing_.seeds;
    sweep.deadlines = scenarios::DeadlineMachines::as_written;
    return sweep;
  }

  void check_rate() const {
    const auto rate = sweeps::read_quantity(rate_);
    if (rate && rate->number > 0 && sweeps::base_value(rate_)) return;
    refuse("--reserve", rate_.empty() ? "the scenario names no rate; give one with --rate"
                                      : "\"" + rate_ + "\" is no rate above 0");
  }

  /// Up to which rate the best meets the target, by bisection. Whether it was interrupted.
  bool find_reserve() {
    sweeps::RateReserve reserve;
    reserve.asked = *sweeps::read_quantity(rate_);
    const sweeps::BaseValue base = *sweeps::base_value(rate_);
    reserve.asked_base = base.number;
    reserve.unit = base.unit;
    reserve.highest = highest_reserve * base.number;

    sweeps::SweepFile file = sweep();
    std::erase_if(file.set, [&](const scenarios::Setting& each) {
      return each.key == rate_key_of(options_.scenario);
    });
    file.points = {sweeps::settings_of(sizing_.catalogue, sizing_.combinations[*sizing_.best])};
    file.goodput.attainment = sizing_.target;
    file.goodput.search = {.rate_key = rate_key_of(options_.scenario),
                           .place = {},
                           .from = reserve.asked.number,
                           .to = highest_reserve * reserve.asked.number,
                           .unit = reserve.asked.unit,
                           .tolerance = 0.05};
    const sweeps::Plan plan(std::move(file));
    sweeps::Schedule schedule(plan);
    if (run(schedule)) return true;
    const std::vector<sweeps::RateFound> found = sweeps::rates_of(schedule);
    if (!found.empty()) reserve.crossing = found.front().crossing;
    sizing_.reserve = std::move(reserve);
    return false;
  }

  /// Whether it was interrupted.
  bool run(sweeps::Schedule& schedule) const {
    SweepProgress progress(options_.quiet ? SweepProgress::Wanted::no : SweepProgress::Wanted::yes,
                           slots_for(options_.jobs));
    return work_in_passing(schedule, options_.jobs, progress);
  }

  /// Lays each option over the scenario, so that what is wrong with one is told before anything is
  /// simulated.
  void check_options() const {
    const std::vector<sweeps::CatalogueSlot>& slots = sizing_.catalogue.slots;
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      std::set<std::string> seen;
      for (std::size_t option = 0; option < slots[slot].options.size(); ++option) {
        Combination each;
        each.choice.assign(slots.size(), 0);
        each.choice[slot] = option;
        scenarios::LoadOptions load;
        load.settings = settings_;
        for (const auto& setting : sweeps::settings_of(sizing_.catalogue, each)) {
          load.settings.push_back(setting);
        }
        const std::string resolved =
            scenarios::resolve_scenario_text(text_, options_.scenario, load).yaml;
        if (seen.insert(resolved).second) continue;
        const sweeps::CatalogueOption& twin = slots[slot].options[option];
        throw InputError(twin.pos, "slots." + slots[slot].name + ".options." + twin.name,
                         "makes the same machines as an option before it; does the scenario say "
                         "itself what it sets?");
      }
    }
  }

  void tell(const CheapestSearch& search, std::size_t position) const {
    if (options_.quiet) return;
    const Combination& next = sizing_.combinations[position];
    std::string best = "none meets it yet";
    if (search.best()) {
      best = fmt::format("{} {} meets it", sizing_.combinations[*search.best()].price,
                         sizing_.catalogue.currency);
    }
    fmt::print(stderr, "{} tried, {} undecided, {}; trying {} {}: {}\n", sizing_.simulated.size(),
               search.undecided(), best, next.price, sizing_.catalogue.currency,
               sweeps::name_of(sizing_.catalogue, next));
  }

  bool simulate(const std::vector<std::size_t>& positions) {
    sweeps::SweepFile file = sweep();
    for (const std::size_t position : positions) {
      file.points.push_back(sweeps::settings_of(sizing_.catalogue, sizing_.combinations[position]));
    }
    const sweeps::Plan plan(std::move(file));
    sweeps::Schedule schedule(plan);
    if (run(schedule)) return true;
    const std::vector<sweeps::CellRecord> cells = schedule.cells();
    for (std::size_t i = 0; i < positions.size(); ++i) {
      sizing_.simulated.push_back(
          sweeps::size_up(positions[i], schedule, cells[i], sizing_.target));
    }
    return false;
  }

  const SizeArguments& options_;
  std::vector<scenarios::Setting> settings_;
  std::string text_;
  std::string rate_;
  sweeps::Sizing sizing_;
};

int size(const SizeArguments& options) {
  const analysis::TableFormat format = table_format_of("calvo size", options.format);
  const double target = target_of(options.attainment);
  Shop shop(options, sweeps::read_catalogue(options.catalogue), target);
  if (shop.search()) {
    fmt::print(stderr, "calvo: interrupted; {} of {} combinations were simulated\n",
               shop.sizing().simulated.size(), shop.sizing().combinations.size());
    return interrupted;
  }
  fmt::print("{}", options.json ? sweeps::to_json(shop.sizing()).dump(2) + "\n"
                                : sweeps::to_text(shop.sizing(), format));
  return shop.sizing().best ? success : failure;
}

}  // namespace

Verb add_size(CLI::App& program) {
  const auto options = std::make_shared<SizeArguments>();
  CLI::App* command = program.add_subcommand(
      "size", "Find the cheapest hardware of a priced catalogue that meets the objectives");
  command->add_option("SCENARIO", options->scenario, "scenario file (docs/scenario.md)")
      ->required();
  command
      ->add_option("--catalogue", options->catalogue,
                   "options and prices (docs/size.md); scenarios/catalogue/prices.yaml is one")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--attainment", options->attainment,
                   "share of requests that must meet their objectives (default 90%)")
      ->type_name("SHARE");
  command
      ->add_option("--rate", options->rate,
                   "rate of arrivals, like \"4 /s\"; of a trace the factor on its own")
      ->check(not_empty())
      ->type_name("RATE");
  command->add_option("--engine", options->engine, "engine instead of the scenario's")
      ->check(not_empty())
      ->type_name("NAME");
  command
      ->add_option("--seeds", options->seeds,
                   "simulations of each combination, with seeds 1 to N (default 5)")
      ->check(CLI::Range(2, 1000))
      ->type_name("N");
  command->add_flag("--reserve", options->reserve,
                    "also search for the largest rate that the cheapest carries");
  command
      ->add_option("--jobs", options->jobs,
                   "simulations at the same time (default: one for each core)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command->add_option("--format", options->format, "text, markdown, latex or csv")
      ->type_name("NAME");
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->add_flag("--quiet", options->quiet, "show no progress");
  command->footer(
      "Tries combinations of the catalogue's options until the cheapest is known whose mean\n"
      "attainment over the seeds is high enough, and says by how much it is, and what each saving\n"
      "would cost. A combination that meets it rules out all dearer ones; one that misses it "
      "rules\n"
      "out those that are no better in slots marked \"ordered: true\". All of them are held to "
      "the\n"
      "deadlines that the scenario has as it is written.\n"
      "Exit code 1: nothing in the catalogue meets it; what came closest is printed.\n\n"
      "Examples:\n"
      "  calvo size scenarios/planted/storage_nic.yaml --catalogue "
      "scenarios/catalogue/prices.yaml\n"
      "  calvo size SCENARIO --catalogue FILE --attainment 95% --rate \"4 /s\" --seeds 10");
  return {command, [options] { return size(*options); }};
}

}  // namespace calvo::cli
