#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/comparison.hpp"
#include "cli/verb.hpp"

namespace calvo::cli {
namespace {

struct CompareArguments {
  std::vector<std::string> directories;
  bool json = false;
};

int compare(const CompareArguments& options) {
  std::vector<analysis::RunDirectory> runs;
  for (const std::string& directory : options.directories) {
    runs.push_back(analysis::read_run_directory(directory));
  }
  const analysis::Comparison comparison = analysis::compare(std::move(runs));
  if (options.json) {
    fmt::print("{}\n", analysis::to_json(comparison).dump(2));
  } else {
    fmt::print("{}", analysis::to_text(comparison));
  }
  return success;
}

}  // namespace

Verb add_compare(CLI::App& program) {
  const auto options = std::make_shared<CompareArguments>();
  CLI::App* command = program.add_subcommand("compare", "Put runs side by side");
  command->add_option("DIR", options->directories, "run directories; the first is the reference")
      ->required();
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->footer(
      "Attainment comes with a 95 % Wilson interval. The difference of mean TTFT is taken request\n"
      "by request against the first directory, with a bootstrap interval that resamples sessions.\n"
      "A warning says where runs should not be compared (another workload, seed or deadline).\n\n"
      "Example:\n"
      "  calvo compare runs/demo-vllm_sync-1 runs/demo-calvo-1");
  return {command, [options] { return compare(*options); }};
}

}  // namespace calvo::cli
