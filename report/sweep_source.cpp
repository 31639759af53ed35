#include "report/sweep_source.hpp"

#include <algorithm>
#include <filesystem>

#include "core/input_error.hpp"
#include "report/text_file.hpp"

namespace calvo::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string path_of(const SweepSource& sweep) {
  return (fs::path(sweep.directory) / sweep_file).string();
}

InputError damaged(const SweepSource& sweep, const Json::exception& error) {
  return {{path_of(sweep), 0, 0},
          "",
          std::string("is no summary of a sweep (") + error.what() + "); sweep again"};
}

std::vector<SweepPoint> points_with_requests(const SweepSource& sweep) {
  std::vector<SweepPoint> points;
  const fs::path folder = fs::path(sweep.directory) / "points";
  for (const Json& cell : sweep.json.at("cells")) {
    FlatScenario settings;
    for (const auto& [key, value] : cell.at("settings").items()) settings[key] = value;
    for (const Json& seed : cell.at("seeds")) {
      const std::string name = cell.at("cell").get<std::string>() + "-" + seed.dump();
      if (!fs::exists(folder / name)) {
        throw InputError({(folder / name).string(), 0, 0}, "",
                         "is missing, though sweep.json counts it; sweep again with --resume");
      }
      if (fs::exists(folder / name / analysis::requests_file)) {
        points.push_back({(folder / name).string(), settings});
      }
    }
  }
  return points;
}

/// "bandwidth 50 Gbit/s": the settings of a cell but for the key along the horizontal axis.
std::string settings_but(const Json& settings, const std::string& key) {
  std::string text;
  for (const auto& [name, value] : settings.items()) {
    if (name == key) continue;
    const std::size_t dot = name.rfind('.');
    text += (text.empty() ? "" : ", ") + name.substr(dot == std::string::npos ? 0 : dot + 1) + " " +
            value.get<std::string>();
  }
  return text;
}

/// The number of a value that is written as `text`, from the list of an axis.
Json number_on(const Json& axis, const std::string& text) {
  for (const Json& value : axis.at("values")) {
    if (value.at("text") == text) return value.at("number");
  }
  return nullptr;
}

Json points(const SweepSource& sweep) {
  const Json horizontal = horizontal_axis(sweep);
  const std::string key = horizontal.is_null() ? "" : horizontal.at("key").get<std::string>();
  Json out = Json::array();
  for (const Json& cell : sweep.json.at("cells")) {
    if (cell.at("seeds").empty()) continue;
    const Json& settings = cell.at("settings");
    Json point = {{"engine", cell.at("engine")}, {"real", false}};
    point["load"] = cell.at("name");
    point["variant"] = settings_but(settings, key);
    point["x"] = horizontal.is_null() ? Json(nullptr) : horizontal.at("values").at(cell.at("cell"));
    point["runs"] = cell.at("seeds").size();
    point["metrics"] = cell.at("metrics");
    out.push_back(std::move(point));
  }
  return out;
}

}  // namespace

SweepSource read_sweep(const std::string& directory) {
  SweepSource sweep;
  sweep.directory = directory;
  sweep.json = read_json(path_of(sweep));
  const auto format = sweep.json.find("format");
  if (format == sweep.json.end() || *format != sweep_format) {
    const std::string what = format == sweep.json.end() ? "none" : format->dump();
    throw InputError({path_of(sweep), 0, 0}, "format",
                     what + " is not " + std::to_string(sweep_format) +
                         ", which this program reads; sweep again with this one");
  }
  try {
    sweep.points = points_with_requests(sweep);
  } catch (const Json::exception& error) {
    throw damaged(sweep, error);
  }
  return sweep;
}

Json horizontal_axis(const SweepSource& sweep) {
  try {
    const Json& rate = sweep.json.at("rate");
    const Json& cells = sweep.json.at("cells");
    Json axis = nullptr;
    if (!rate.is_null()) {
      axis = {{"key", rate.at("key")}, {"unit", rate.at("unit")}, {"is_rate", true}};
      for (const Json& cell : cells) {
        axis["values"][cell.at("cell").get<std::string>()] = cell.at("rate");
      }
      return axis;
    }
    for (const Json& candidate : sweep.json.at("axes")) {
      if (candidate.at("unit").is_null()) continue;
      const auto key = candidate.at("key").get<std::string>();
      axis = {{"key", key}, {"unit", candidate.at("unit")}, {"is_rate", false}};
      for (const Json& cell : cells) {
        const Json& settings = cell.at("settings");
        axis["values"][cell.at("cell").get<std::string>()] =
            settings.contains(key) ? number_on(candidate, settings.at(key)) : Json(nullptr);
      }
      return axis;
    }
    return nullptr;
  } catch (const Json::exception& error) {
    throw damaged(sweep, error);
  }
}

Json points_of(const SweepSource& sweep) {
  try {
    return points(sweep);
  } catch (const Json::exception& error) {
    throw damaged(sweep, error);
  }
}

}  // namespace calvo::report
