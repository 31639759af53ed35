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
      add_run(directory);
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
      for (const std::string& run : below) add_run(run);
    }
  }

  Sources result() { return std::move(sources_); }

private:
  void add_run(const std::string& directory) {
    remember(directory);
    RunSource run = read_run_source(directory, Kept::run);
    if (const std::string* first = repeated(run)) {
      throw InputError({directory, 0, 0}, "",
                       "is a copy or a repeat of " + *first +
                           ": a simulated run of the same scenario, engine and seed, and no "
                           "further sample; leave one out");
    }
    sources_.runs.push_back(std::move(run));
  }

  /// The directory with the same simulated run, if there is one: it is no further sample. Repeats
  /// of a real run are.
  const std::string* repeated(const RunSource& run) {
    if (run.real) return nullptr;
    const std::string what =
        !run.scenario.empty() ? run.scenario : fs::path(run.name).filename().string();
    const auto [first, is_new] = scenarios_.try_emplace(what, run.name);
    return is_new ? nullptr : &first->second;
  }

  void add_sweep(const std::string& directory) {
    remember(directory);
    SweepSource sweep = read_sweep(directory);
    const auto twin = std::ranges::find(sources_.sweeps, sweep.json, &SweepSource::json);
    if (twin != sources_.sweeps.end()) {
      throw InputError({directory, 0, 0}, "",
                       "is a copy of " + twin->directory + "; leave one out");
    }
    sources_.sweeps.push_back(std::move(sweep));
    const std::vector<SweepPoint>& points = sources_.sweeps.back().points;
    std::size_t known = 0;
    for (const SweepPoint& point : points) {
      remember(point.directory);
      RunSource run = read_run_source(point.directory, Kept::point);
      if (run.settings.empty()) run.settings = point.settings;
      if (repeated(run) != nullptr) {
        ++known;
      } else {
        sources_.runs.push_back(std::move(run));
      }
    }
    if (known > 0) {
      sources_.notes.push_back(fmt::format(
          "In another directory too, and counted once: {} of the runs of the sweep in {}.", known,
          directory));
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
