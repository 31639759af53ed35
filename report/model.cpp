#include "report/model.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "report/distribution.hpp"
#include "report/run_group.hpp"
#include "report/run_series.hpp"

namespace calvo::report {
namespace {

using Json = nlohmann::ordered_json;

std::string with(const std::string& text, const std::string& more) {
  return more.empty() ? text : text + ", " + more;
}

/// A name for each run that no other one has, as short as that allows.
std::vector<std::string> labels_of(const Sources& sources, const std::vector<RunGroup>& groups) {
  std::map<const RunSource*, const RunGroup*> group_of;
  std::set<std::string> loads;
  for (const RunGroup& group : groups) {
    loads.insert(group.load);
    for (const RunSource* run : group.runs) group_of[run] = &group;
  }
  std::vector<std::string> labels;
  std::map<std::string, int> count;
  for (const RunSource& run : sources.runs) {
    const RunGroup& group = *group_of.at(&run);
    std::string label = group.engine + (group.real ? " (real)" : "");
    label = with(label, group.variant);
    if (loads.size() > 1) label = with(label, group.load);
    if (group.runs.size() > 1) {
      label = with(label, fmt::format("seed {}", run.run.summary.labels.seed));
    }
    labels.push_back(label);
    ++count[label];
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (count[labels[i]] > 1) labels[i] = with(labels[i], sources.runs[i].name);
  }
  return labels;
}

/// The first run of each group first, then the second ones: all groups before repetitions.
std::set<const RunSource*> detailed_runs(const std::vector<RunGroup>& groups) {
  std::set<const RunSource*> chosen;
  for (std::size_t round = 0;; ++round) {
    bool more = false;
    for (const RunGroup& group : groups) {
      if (round >= group.runs.size()) continue;
      if (chosen.size() == most_detailed_runs) return chosen;
      chosen.insert(group.runs[round]);
      more = true;
    }
    if (!more) return chosen;
  }
}

Json runs_json(const Sources& sources, const std::vector<RunGroup>& groups) {
  const std::vector<std::string> labels = labels_of(sources, groups);
  const std::set<const RunSource*> detailed = detailed_runs(groups);
  std::map<const RunSource*, std::size_t> group_of;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const RunSource* run : groups[i].runs) group_of[run] = i;
  }
  Json runs = Json::array();
  for (std::size_t i = 0; i < sources.runs.size(); ++i) {
    const RunSource& source = sources.runs[i];
    const bool whole = detailed.contains(&source);
    Json run = {{"label", labels[i]}, {"directory", source.name}};
    run["engine"] = source.run.summary.labels.engine;
    run["scenario_name"] = source.run.summary.labels.scenario;
    run["seed"] = source.run.summary.labels.seed;
    run["real"] = source.real;
    run["group"] = group_of.at(&source);
    run["summary"] = source.summary;
    run["environment"] = source.environment;
    run["scenario"] = source.scenario;
    run["has_timeline"] = source.timeline.there;
    run["requests"] = whole ? request_columns(source) : Json(nullptr);
    run["time"] = whole ? over_time(source) : Json(nullptr);
    run["occupancy"] = whole ? occupancy_over_time(source.occupancy) : Json(nullptr);
    runs.push_back(std::move(run));
  }
  return runs;
}

Json groups_json(const Sources& sources, const std::vector<RunGroup>& groups) {
  Json out = Json::array();
  for (const RunGroup& group : groups) {
    Json json = {{"engine", group.engine}, {"real", group.real}};
    json["variant"] = group.variant;
    json["load"] = group.load;
    json["rate"] = group.rate ? Json(*group.rate) : Json(nullptr);
    json["runs"] = Json::array();
    for (const RunSource* run : group.runs) json["runs"].push_back(run - sources.runs.data());
    json["metrics"] = metrics_of(group);
    json["distribution"] = distribution_of(group);
    json["stages"] = stages_of(group);
    out.push_back(std::move(json));
  }
  return out;
}

/// Each measured group with the one that predicts it.
Json pairs_json(const std::vector<RunGroup>& groups) {
  Json pairs = Json::array();
  const auto scenario = [](const RunGroup& group) {
    return group.runs.front()->run.summary.labels.scenario;
  };
  for (std::size_t real = 0; real < groups.size(); ++real) {
    if (!groups[real].real) continue;
    for (std::size_t sim = 0; sim < groups.size(); ++sim) {
      if (groups[sim].real || groups[sim].engine != groups[real].engine) continue;
      if (scenario(groups[sim]) != scenario(groups[real])) continue;
      pairs.push_back({{"simulated", sim}, {"real", real}});
    }
  }
  return pairs;
}

std::string title_of(const Sources& sources) {
  std::string title;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name) {
    if (seen.insert(name).second) title += (title.empty() ? "" : ", ") + name;
  };
  for (const SweepSource& sweep : sources.sweeps) add(sweep.json.value("name", "sweep"));
  if (sources.sweeps.empty()) {
    for (const RunSource& run : sources.runs) add(run.run.summary.labels.scenario);
  }
  return title;
}

struct LoadPlots {
  Json x;
  Json points = Json::array();
};

/// Where there are sweeps, their cells: they have every seed. Else the groups of runs.
LoadPlots load_plots(const Sources& sources, const Json& groups) {
  LoadPlots plots;
  for (const SweepSource& sweep : sources.sweeps) {
    const Json axis = horizontal_axis(sweep);
    if (plots.x.is_null() && !axis.is_null()) {
      plots.x = {{"key", axis["key"]}, {"unit", axis["unit"]}, {"is_rate", axis["is_rate"]}};
    }
    for (Json& point : points_of(sweep)) plots.points.push_back(std::move(point));
  }
  if (!sources.sweeps.empty()) return plots;
  plots.x = {{"key", nullptr}, {"unit", "/s"}, {"is_rate", true}};
  for (const Json& group : groups) {
    plots.points.push_back({{"engine", group["engine"]},
                            {"real", group["real"]},
                            {"load", group["load"]},
                            {"variant", group["variant"]},
                            {"x", group["rate"]},
                            {"runs", group["runs"].size()},
                            {"metrics", group["metrics"]}});
  }
  return plots;
}

}  // namespace

Json model_of(const Sources& sources, const std::string& version) {
  const std::vector<RunGroup> groups = group_runs(sources.runs);
  Json model = {{"title", title_of(sources)}, {"made_by", version}};
  model["notes"] = sources.notes;
  if (sources.runs.size() > most_detailed_runs) {
    model["notes"].push_back(
        fmt::format("Of {} runs, {} are shown request by request and over time: the first seed of "
                    "each engine and load, then the next ones.",
                    sources.runs.size(), most_detailed_runs));
  }
  Json groups_part = groups_json(sources, groups);
  LoadPlots plots = load_plots(sources, groups_part);
  model["x"] = std::move(plots.x);
  model["points"] = std::move(plots.points);
  model["groups"] = std::move(groups_part);
  model["pairs"] = pairs_json(groups);
  model["runs"] = runs_json(sources, groups);
  model["differences"] = differences(sources.runs);
  model["sweeps"] = Json::array();
  for (const SweepSource& sweep : sources.sweeps) {
    Json rest = sweep.json;
    rest.erase("cells");
    model["sweeps"].push_back({{"directory", sweep.directory}, {"sweep", std::move(rest)}});
  }
  return model;
}

}  // namespace calvo::report
