#include <memory>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "cli/checks.hpp"
#include "cli/signals.hpp"
#include "cli/size_shop.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "sweeps/size_report.hpp"

namespace calvo::cli {
namespace {

struct SizeArguments {
  SizeQuestion question;
  std::string attainment = "90%";
};

double target_of(const std::string& text) {
  try {
    const double target = parse_as<Share>(text).value;
    if (target > 0) return target;
  } catch (const std::invalid_argument&) {  // told below
  }
  throw InputError({"calvo size", 0, 0}, "--attainment",
                   "\"" + text + "\" is no share above 0; write one like 90%");
}

int size(SizeArguments& options) {
  hold_signals();
  SizeQuestion& question = options.question;
  const analysis::TableFormat format = table_format_of("calvo size", question.search.format);
  question.target = target_of(options.attainment);
  Shop shop(question);
  if (shop.search()) return shop.told_interruption();
  fmt::print("{}", question.search.json ? sweeps::to_json(shop.sizing()).dump(2) + "\n"
                                        : sweeps::to_text(shop.sizing(), format));
  return shop.sizing().best ? success : failure;
}

}  // namespace

Verb add_size(CLI::App& program) {
  const auto options = std::make_shared<SizeArguments>();
  SizeQuestion& question = options->question;
  question.search.seeds = 5;
  CLI::App* command = program.add_subcommand(
      "size", "Find the cheapest hardware of a priced catalogue that meets the objectives");
  command->add_option("SCENARIO", question.search.scenario, "scenario file (docs/scenario.md)")
      ->required();
  command
      ->add_option("--catalogue", question.catalogue,
                   "options and prices (docs/size.md); scenarios/catalogue/prices.yaml is one")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--attainment", options->attainment,
                   "share of requests that must meet their objectives (default 90%)")
      ->type_name("SHARE");
  command
      ->add_option("--rate", question.rate,
                   "rate of arrivals, like \"4 /s\"; of a trace the factor on its own")
      ->check(not_empty())
      ->type_name("RATE");
  command->add_flag("--reserve", question.reserve,
                    "also search for the largest rate that the cheapest carries");
  add_search_options(*command, question.search, "combination");
  command->footer(
      "Tries combinations of the catalogue's options until the cheapest is known whose mean\n"
      "attainment over the seeds is high enough, and says by how much it is, and what each saving\n"
      "would cost. A combination that meets it rules out all dearer ones; one that misses it "
      "rules\n"
      "out those that are no better in slots marked \"ordered: true\". All of them are held to "
      "the\n"
      "deadlines that the scenario has as it is written.\n"
      "Exit code 1: nothing in the catalogue meets it; what came closest is printed.\n"
      "Ctrl-C loses what was simulated, unless --out keeps it for --resume.\n\n"
      "Examples:\n"
      "  calvo size scenarios/planted/storage_nic.yaml --catalogue "
      "scenarios/catalogue/prices.yaml\n"
      "  calvo size SCENARIO --catalogue FILE --attainment 95% --rate \"4 /s\" --seeds 10");
  return {command, [options] { return size(*options); }};
}

}  // namespace calvo::cli
