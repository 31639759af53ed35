#include "report/sources.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "analysis/compare_input.hpp"
#include "core/input_error.hpp"

namespace calvo::report {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& path) {
  return fs::exists(path / analysis::summary_file) || fs::exists(path / analysis::requests_file);
}

std::vector<std::string> runs_below(const fs::path& directory) {
  std::vector<std::string> runs;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory() && is_run(entry.path())) runs.push_back(entry.path().string());
  }
  std::ranges::sort(runs);
  return runs;
}

class Collector {
public:
  void add(const std::string& directory) {
    const fs::path path = directory;
    if (!fs::exists(path)) {
      throw InputError({directory, 0, 0}, "",
                       "no such directory; name one that `calvo run` or `calvo sweep` wrote");
    }
    if (!fs::is_directory(path)) {
      throw InputError({directory, 0, 0}, "", "is a file; name the directory that holds it");
    }
    if (fs::exists(path / sweep_file)) {
      add_sweep(directory);
    } else if (is_run(path)) {
      add_run(directory, Kept::run);
    } else if (analysis::is_sweep_directory(directory)) {
      throw InputError({directory, 0, 0}, "",
                       "is a sweep that is not finished: it has no tables; go on with calvo sweep "
                       "--resume");
    } else {
      const std::vector<std::string> below = runs_below(path);
      if (below.empty()) {
        throw InputError({directory, 0, 0}, "",
                         "is neither a run directory nor a sweep directory, and holds no run "
                         "directories; name one that `calvo run` or `calvo sweep` wrote");
      }
      for (const std::string& run : below) add_run(run, Kept::run);
    }
  }

  Sources result() { return std::move(sources_); }

private:
  void add_run(const std::string& directory, Kept kept) {
    remember(directory);
    sources_.runs.push_back(read_run_source(directory, kept));
    refuse_repeat(sources_.runs.back());
  }

  /// A simulated run that is there twice is one sample; repeats of a real one are several.
  void refuse_repeat(const RunSource& run) {
    if (run.real) return;
    const std::string what =
        !run.scenario.empty() ? run.scenario : fs::path(run.name).filename().string();
    const auto [first, is_new] = scenarios_.try_emplace(what, run.name);
    if (is_new) return;
    throw InputError({run.name, 0, 0}, "",
                     "is a copy or a repeat of " + first->second +
                         ": a simulated run of the same scenario, engine and seed, and no further "
                         "sample; leave one out");
  }

  void add_sweep(const std::string& directory) {
    remember(directory);
    sources_.sweeps.push_back(read_sweep(directory));
    const std::vector<SweepPoint>& points = sources_.sweeps.back().points;
    for (const SweepPoint& point : points) {
      add_run(point.directory, Kept::point);
      RunSource& run = sources_.runs.back();
      if (run.settings.empty()) run.settings = point.settings;
    }
    if (points.empty()) {
      sources_.notes.push_back(fmt::format(
          "The sweep in {} kept no requests.csv, so that there are no distributions, request "
          "timelines or queues of it: add \"keep: [requests, scenario]\" to the sweep file.",
          directory));
    }
  }

  void remember(const std::string& directory) {
    if (!seen_.insert(fs::canonical(directory).string()).second) {
      throw InputError({directory, 0, 0}, "", "is named twice; name it once");
    }
  }

  Sources sources_;
  std::set<std::string> seen_;
  std::map<std::string, std::string> scenarios_;  ///< of simulated runs, seeds in them; directories
};

}  // namespace

Sources read_sources(std::span<const std::string> directories) {
  Collector collector;
  for (const std::string& directory : directories) collector.add(directory);
  return collector.result();
}

}  // namespace calvo::report
