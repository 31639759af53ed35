#include "analysis/compare_input.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "analysis/run_settings.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"

namespace calvo::analysis {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  return read_file(path).value_or("");
}

/// "sim", "realrun", or empty where the directory does not say.
std::string driver_of(const std::string& directory) {
  const auto json =
      nlohmann::json::parse(read(fs::path(directory) / environment_file), nullptr, false);
  return json.is_object() ? json.value("driver", "") : "";
}

/// Of each path, as few of its last names as tell it from the others.
std::map<std::string, std::string> short_names(const std::vector<std::string>& paths) {
  const auto last_names = [](const std::string& path, std::size_t most) {
    fs::path name = fs::absolute(path).lexically_normal();
    if (name.filename().empty()) name = name.parent_path();
    fs::path kept = name.filename();
    for (std::size_t i = 1; i < most && name.has_relative_path(); ++i) {
      name = name.parent_path();
      if (!name.filename().empty()) kept = name.filename() / kept;
    }
    return kept.string();
  };
  std::map<std::string, std::string> names;
  for (const std::string& path : paths) {
    const auto taken = [&](const std::size_t most) {
      return std::ranges::any_of(paths, [&](const std::string& other) {
        return other != path && last_names(other, most) == last_names(path, most);
      });
    };
    std::size_t most = 1;
    while (most < 100 && taken(most)) ++most;
    names[path] = last_names(path, most);
  }
  return names;
}

/// The part of a key that people call it by.
std::string last_word(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

/// A source of samples and what its engines are called besides their names.
struct Part {
  std::string engine;
  std::string source;  ///< of a sweep: its directory; of a run: how it was driven
  RunSample sample;
  std::string directory;
  bool real = false;
};

void refuse_two_of_one_seed(const std::vector<const Part*>& group) {
  std::map<std::pair<std::string, std::uint64_t>, const Part*> known;
  for (const Part* part : group) {
    if (part->real) continue;
    const auto [first, is_new] =
        known.try_emplace({part->sample.settings, part->sample.seed}, part);
    if (is_new) continue;
    throw InputError(
        {part->directory, 0, 0}, "",
        fmt::format("has a simulated run of {}, seed {}, as {} has: a copy or a repeat is "
                    "no further sample, and another scenario none of the same; leave one "
                    "out",
                    part->engine, part->sample.seed, first->second->directory));
  }
}

/// A real run that is another's copy is no repeat: no two real runs take the same times.
void refuse_copies_of_real_runs(const std::vector<const Part*>& group) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Part*> known;  // by XXH3-128
  for (const Part* part : group) {
    if (!part->real) continue;
    const std::string requests = read(fs::path(part->directory) / requests_file);
    const XXH128_hash_t hash = XXH3_128bits(requests.data(), requests.size());
    const auto [first, is_new] = known.try_emplace({hash.high64, hash.low64}, part);
    if (is_new) continue;
    throw InputError({part->directory, 0, 0}, "",
                     fmt::format("has the same {} as {}, to the byte: a copy of a real run is no "
                                 "further sample; leave one out",
                                 requests_file, first->second->directory));
  }
}

void append_sweep(const std::string& directory, const std::string& source,
                  std::vector<Part>& parts) {
  const fs::path root = directory;
  const std::string index_path = (root / sweep_index_file).string();
  if (!fs::is_regular_file(index_path) || !fs::is_regular_file(root / sweep_table_file)) {
    throw InputError({directory, 0, 0}, "",
                     "is a sweep that is not finished: it has no tables; go on with calvo sweep "
                     "--resume");
  }
  const auto index = nlohmann::json::parse(read(index_path), nullptr, false);
  if (!index.is_object() || !index.contains("format")) {
    throw InputError({index_path, 0, 0}, "", "is damaged; write it anew with calvo sweep --resume");
  }
  if (index["format"] != 1) {
    throw InputError({index_path, 0, 0}, "format",
                     fmt::format("\"{}\" is not the one that this calvo reads (1); compare with "
                                 "the calvo that wrote it, or sweep again",
                                 index["format"].dump()));
  }
  const SweepTable table = read_sweep_table((root / sweep_table_file).string());
  bool any = false;
  for (const SweepRow& row : table.rows) {
    if (!row.result) continue;
    any = true;
    const auto column = std::ranges::find(table.axes, "name") - table.axes.begin();
    const bool named =
        column < std::ssize(table.axes) && !row.settings[static_cast<std::size_t>(column)].empty();
    std::string settings;
    for (std::size_t i = 0; i < table.axes.size(); ++i) {
      const std::string& text = row.settings[i];
      if (text.empty() || (named && text.starts_with("{"))) continue;  // what it is the name of
      const std::string key = table.axes[i] == "name" ? "" : last_word(table.axes[i]) + " ";
      settings += fmt::format("{}{}{}", settings.empty() ? "" : ", ", key, text);
    }
    parts.push_back({row.engine, source, {settings, row.seed, *row.result}, directory, false});
  }
  if (!any) throw InputError({directory, 0, 0}, "", "is a sweep of which no point is done");
}

}  // namespace

bool is_sweep_directory(const std::string& path) {
  const fs::path root = path;
  return fs::is_regular_file(root / sweep_index_file) ||
         (fs::is_regular_file(root / "state.json") && fs::is_directory(root / "points"));
}

bool has_repeats(const std::vector<RunDirectory>& runs) {
  std::set<std::pair<std::string, std::string>> engines;
  std::set<std::tuple<std::string, std::string, std::uint64_t>> seeds;
  bool several = false;
  for (const RunDirectory& run : runs) {
    const RunLabels& labels = run.summary.labels;
    several = !engines.emplace(labels.engine, driver_of(run.path)).second || several;
    seeds.emplace(labels.engine, driver_of(run.path), labels.seed);
  }
  // Two runs of one engine and one seed are as likely two scenarios as two repeats.
  return several && engines.size() > 1 && seeds.size() > engines.size();
}

void refuse_named_twice(const std::vector<std::string>& directories) {
  std::set<std::string> known;
  for (const std::string& directory : directories) {
    if (known.insert(fs::weakly_canonical(directory).string()).second) continue;
    throw InputError({directory, 0, 0}, "", "is named twice; name it once");
  }
}

std::vector<RunGroup> read_groups(const std::vector<std::string>& directories) {
  std::vector<std::string> sweeps;
  std::ranges::copy_if(directories, std::back_inserter(sweeps), is_sweep_directory);
  const auto names = short_names(sweeps);
  std::vector<Part> parts;
  std::vector<std::size_t> runs;  ///< of the parts
  std::vector<ScenarioOrigin> origins;
  for (const std::string& directory : directories) {
    if (is_sweep_directory(directory)) {
      append_sweep(directory, names.at(directory), parts);
      continue;
    }
    runs.push_back(parts.size());
    const RunDirectory run = read_run_directory(directory);
    const RunLabels& labels = run.summary.labels;
    const bool real = driver_of(directory) == "realrun";
    parts.push_back({labels.engine,
                     real ? "real" : "sim",
                     {"", labels.seed, result_of(run.summary)},
                     directory,
                     real});
    origins.push_back({directory, labels.scenario, labels.engine, real});
  }
  const std::vector<std::string> settings = distinguishing_settings(origins);
  for (std::size_t i = 0; i < runs.size(); ++i) parts[runs[i]].sample.settings = settings[i];
  std::map<std::string, std::set<std::string>> sources;
  for (const Part& part : parts) sources[part.engine].insert(part.source);
  std::vector<RunGroup> groups;
  std::vector<std::vector<const Part*>> members;
  for (const Part& part : parts) {
    const std::string name = sources[part.engine].size() == 1
                                 ? part.engine
                                 : fmt::format("{} ({})", part.engine, part.source);
    const auto group =
        static_cast<std::size_t>(std::ranges::find(groups, name, &RunGroup::name) - groups.begin());
    if (group == groups.size()) {
      groups.push_back({name, {}});
      members.emplace_back();
    }
    groups[group].samples.push_back(part.sample);
    members[group].push_back(&part);
  }
  std::ranges::for_each(members, refuse_two_of_one_seed);
  std::ranges::for_each(members, refuse_copies_of_real_runs);
  return groups;
}

}  // namespace calvo::analysis
