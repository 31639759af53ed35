#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/compare_input.hpp"
#include "analysis/comparison.hpp"
#include "cli/checks.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"

namespace calvo::cli {
namespace {

struct CompareArguments {
  std::vector<std::string> directories;
  std::vector<std::string> metrics;
  std::string format = "text";
  bool json = false;
  bool steps = false;
};

std::vector<std::string> metrics_of(const CompareArguments& options) {
  if (options.metrics.empty()) return {"slo_attainment", "mean_ttft_ms"};
  const auto names = analysis::metric_names();
  for (const std::string& metric : options.metrics) {
    if (std::ranges::find(names, metric) == names.end()) {
      throw InputError({"calvo compare", 0, 0}, "--metric",
                       "unknown metric \"" + metric + "\"" + suggestion(metric, names));
    }
  }
  return options.metrics;
}

int compare(const CompareArguments& options) {
  const analysis::TableFormat format = table_format_of("calvo compare", options.format);
  const std::vector<std::string> metrics = metrics_of(options);
  analysis::refuse_named_twice(options.directories);
  bool grouped = options.steps || !options.metrics.empty() ||
                 std::ranges::any_of(options.directories, analysis::is_sweep_directory);
  std::vector<analysis::RunDirectory> runs;
  if (!grouped) {
    for (const std::string& directory : options.directories) {
      runs.push_back(analysis::read_run_directory(directory));
    }
    grouped = analysis::has_repeats(runs);
  }
  if (grouped) {
    const auto comparison = analysis::compare_groups(
        analysis::read_groups(options.directories), metrics,
        options.steps ? analysis::Against::previous : analysis::Against::first);
    fmt::print("{}", options.json ? analysis::to_json(comparison).dump(2) + "\n"
                                  : analysis::to_text(comparison, format));
    return success;
  }
  const analysis::Comparison comparison = analysis::compare(std::move(runs));
  fmt::print("{}", options.json ? analysis::to_json(comparison).dump(2) + "\n"
                                : analysis::to_text(comparison, format));
  return success;
}

}  // namespace

Verb add_compare(CLI::App& program) {
  const auto options = std::make_shared<CompareArguments>();
  CLI::App* command =
      program.add_subcommand("compare", "Put runs or the engines of a sweep side by side");
  command
      ->add_option("DIR", options->directories,
                   "run and sweep directories; the first run or engine is the reference")
      ->required();
  command->add_option("--format", options->format, "text, markdown, latex or csv")
      ->type_name("NAME");
  command
      ->add_option("--metric", options->metrics,
                   "what to compare over seeds: a column of sweep.csv; may be repeated\n"
                   "(default: slo_attainment and mean_ttft_ms)")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("NAME");
  command->add_flag("--steps", options->steps,
                    "take differences from the engine before instead of the first: what each\n"
                    "step of a ladder adds");
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->footer(
      "One run of each engine: attainment comes with a 95 % Wilson interval; the difference of\n"
      "mean TTFT is taken request by request against the first directory, with a bootstrap\n"
      "interval that resamples sessions. A warning says where runs should not be compared.\n\n"
      "Several seeds of an engine, or a sweep: the run is the unit. Differences are paired by "
      "seed\n"
      "(else between independent runs), with intervals that hold for few runs, and marked where\n"
      "significant after a correction for their number (docs/metrics.md).\n\n"
      "Examples:\n"
      "  calvo compare runs/demo-vllm_sync-1 runs/demo-calvo-1\n"
      "  calvo compare sweeps/demo --format markdown\n"
      "  calvo compare sweeps/ladder --steps");
  return {command, [options] { return compare(*options); }};
}

}  // namespace calvo::cli
