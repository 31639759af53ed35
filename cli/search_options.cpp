#include "cli/search_options.hpp"

#include <numeric>

#include <fmt/format.h>

#include "cli/checks.hpp"

namespace calvo::cli {

void add_search_options(CLI::App& command, SearchOptions& options, const std::string& each) {
  command.add_option("--engine", options.engine, "engine instead of the scenario's")
      ->check(not_empty())
      ->type_name("NAME");
  command
      .add_option("--seeds", options.seeds,
                  fmt::format("simulations of each {}, with seeds 1 to N (default {})", each,
                              options.seeds))
      ->check(CLI::Range(2, 1000))
      ->type_name("N");
  command
      .add_option("--jobs", options.jobs,
                  "simulations at the same time (default: one for each core)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  CLI::Option* out = command
                         .add_option("--out", options.directory,
                                     "keep what is simulated in this directory (default: nothing "
                                     "is kept)")
                         ->check(not_empty())
                         ->type_name("DIR");
  CLI::Option* resume =
      command.add_flag("--resume", options.resume, "go on with what the directory holds")
          ->needs(out);
  command.add_flag("--force", options.force, "begin anew where the directory holds a search")
      ->needs(out)
      ->excludes(resume);
  command.add_option("--format", options.format, "text, markdown, latex or csv")->type_name("NAME");
  command.add_flag("--json", options.json, "print JSON instead of a table");
  command.add_flag("--quiet", options.quiet, "show no progress");
}

std::vector<std::uint64_t> seeds_of(const SearchOptions& options) {
  std::vector<std::uint64_t> seeds(static_cast<std::size_t>(options.seeds));
  std::iota(seeds.begin(), seeds.end(), 1);
  return seeds;
}

}  // namespace calvo::cli
