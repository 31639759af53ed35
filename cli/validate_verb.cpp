#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "analysis/output_file.hpp"
#include "analysis/validation.hpp"
#include "analysis/validation_report.hpp"
#include "analysis/validation_tolerance.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"

namespace calvo::cli {
namespace {

struct ValidateArguments {
  std::vector<std::string> directories;
  std::vector<std::string> tolerances;
  std::vector<std::string> held_out;
  std::string manifest;
  std::string baseline;
  std::string json;
  std::string markdown;
  bool quiet = false;
};

/// The hold-out scenarios that a campaign named before it measured anything.
std::vector<std::string> held_out_of(const std::string& manifest) {
  const auto text = read_file(manifest);
  if (!text) throw InputError({manifest, 0, 0}, "--manifest", "cannot be read; name a file");
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (json.is_object() && json.contains("holdout") && json["holdout"].is_array() &&
      std::ranges::all_of(json["holdout"], [](const auto& name) { return name.is_string(); })) {
    return json["holdout"].get<std::vector<std::string>>();
  }
  throw InputError({manifest, 0, 0}, "--manifest",
                   "is no campaign manifest: a JSON object whose \"holdout\" is a list of names");
}

void write_report(const std::string& path, const char* flag, const std::string& text) {
  try {
    analysis::write_file(path, text);
  } catch (const InputError&) {
    throw InputError({path, 0, 0}, flag, "cannot be written; choose another place");
  }
}

std::filesystem::path place_of(const std::string& path) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
}

/// A report must not take the place of what it is about, nor of the other report.
void refuse_places(const ValidateArguments& options) {
  const auto refuse_in_run = [&](const std::string& path, const char* flag) {
    for (const std::string& directory : options.directories) {
      if (path.empty() || place_of(path).parent_path() != place_of(directory)) continue;
      throw InputError({path, 0, 0}, flag,
                       "lies in a run that is to be validated; choose another place");
    }
  };
  refuse_in_run(options.json, "--json");
  refuse_in_run(options.markdown, "--markdown");
  if (options.json.empty() || options.markdown.empty()) return;
  if (place_of(options.json) != place_of(options.markdown)) return;
  throw InputError({options.json, 0, 0}, "--json",
                   "is the place of --markdown, too; choose another one");
}

int validate(const ValidateArguments& options) {
  refuse_places(options);
  analysis::Tolerances tolerances;
  for (const std::string& argument : options.tolerances) tolerances.apply(argument);
  analysis::ValidationOptions validation_options{options.held_out, options.baseline};
  if (!options.manifest.empty()) {
    for (std::string& name : held_out_of(options.manifest)) {
      validation_options.held_out.push_back(std::move(name));
    }
  }
  std::vector<analysis::ValidationRun> runs;
  for (const std::string& directory : options.directories) {
    runs.push_back(analysis::read_validation_run(directory));
  }
  const analysis::Validation validation = analysis::validate(runs, validation_options);
  const analysis::Verdict verdict = analysis::judge(validation, tolerances);
  if (!options.json.empty()) {
    write_report(options.json, "--json", to_json(validation, verdict).dump(2) + "\n");
  }
  if (!options.markdown.empty()) {
    write_report(options.markdown, "--markdown", to_markdown(validation, verdict));
  }
  if (!options.quiet) fmt::print("{}", to_text(validation, verdict));
  return verdict.passed ? success : failure;
}

}  // namespace

Verb add_validate(CLI::App& program) {
  const auto options = std::make_shared<ValidateArguments>();
  CLI::App* command =
      program.add_subcommand("validate", "Hold predictions to measurements: how far off are they?");
  command
      ->add_option("DIR", options->directories,
                   "run directories of `calvo run` and `calvo realrun`, in any order: for each\n"
                   "scenario and engine one simulated and any number of real ones")
      ->required();
  command
      ->add_option("--holdout", options->held_out,
                   "scenarios that nothing was tuned on; they are judged. May be repeated")
      ->delimiter(',')
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("NAME[,NAME...]");
  command
      ->add_option("--manifest", options->manifest,
                   "take the hold-out scenarios from the manifest of a campaign (JSON)")
      ->type_name("FILE");
  command
      ->add_option("--tolerance", options->tolerances,
                   "a limit, or a YAML file of them; may be repeated, the last one counts")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE|FILE");
  command
      ->add_option("--baseline", options->baseline,
                   "engine that gains are over (default: of each scenario the first named)")
      ->type_name("ENGINE");
  command->add_option("--json", options->json, "write every number to FILE")->type_name("FILE");
  command->add_option("--markdown", options->markdown, "write the report to FILE")
      ->type_name("FILE");
  command->add_flag("--quiet", options->quiet, "print nothing: the exit code is the answer");
  command->footer(
      "environment.json says which runs are real. Every error comes with a 95 % bootstrap "
      "interval\n"
      "over whole real runs and with the spread of single runs beside it: an error below that\n"
      "spread says nothing. docs/validation.md defines every number.\n\n"
      "Limits (KEY): ttft_mean, ttft_p50, ttft_p90, ttft_p99, attainment: median of |error| over\n"
      "scenarios and engines, of the hold-out scenarios where there are some; worst_ttft_p50 and\n"
      "so on: the worst of them; flipped_pairs: engines that really differ and that the simulator\n"
      "puts in the other order. Default: ttft_p50=5%, ttft_p99=10%, attainment=3 points,\n"
      "flipped_pairs=0. VALUE none lifts a limit. A limit that you set and nothing can be held to\n"
      "(no P99 of fewer than 1,000 requests) counts as broken.\n\n"
      "A real run is discarded, and counted, if it was interrupted, if its load came late (P99\n"
      "above 1 % of its median TTFT), if its spare core was more than 80 % busy, or if it lost a\n"
      "storage node, was given corrupt blocks or had to make a connection anew, unless --faults\n"
      "of `calvo realrun` asked for that.\n\n"
      "Exit codes: 0 within all limits, 1 outside, 2 wrong input.\n\n"
      "Example:\n"
      "  calvo validate predicted/* measured/* --holdout demo_high --markdown report.md\n"
      "  calvo validate sim/* real/* --tolerance ttft_p50=10% --tolerance attainment='5 points'");
  return {command, [options] { return validate(*options); }};
}

}  // namespace calvo::cli
