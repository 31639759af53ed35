#include "report/sweep_source.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

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

/// True if each value of `key` goes with one value of `other` in all cells, so that to name the one
/// is to name both.
bool settles(const Json& cells, const std::string& key, const std::string& other) {
  std::map<std::string, std::string> found;
  for (const Json& cell : cells) {
    const Json& settings = cell.at("settings");
    const auto [known, is_new] =
        found.try_emplace(settings.value(key, ""), settings.value(other, ""));
    if (!is_new && known->second != settings.value(other, "")) return false;
  }
  return true;
}

/// The settings that tell the lines of a plot apart: those that neither the key along its
/// horizontal axis nor one before them settles.
std::vector<std::string> telling_keys(const SweepSource& sweep, const std::string& horizontal) {
  const Json& cells = sweep.json.at("cells");
  std::vector<std::string> keys;
  for (const Json& axis : sweep.json.at("axes")) {
    const auto key = axis.at("key").get<std::string>();
    const auto settles_key = [&](const std::string& other) { return settles(cells, other, key); };
    if (key == horizontal || (!horizontal.empty() && settles_key(horizontal))) continue;
    if (std::ranges::none_of(keys, settles_key)) keys.push_back(key);
  }
  return keys;
}

/// "bandwidth 50 Gbit/s": those of `keys` that a cell sets; a scenario's name by itself.
std::string settings_text(const Json& settings, const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    if (!settings.contains(key)) continue;
    text += text.empty() ? "" : ", ";
    if (key != "name") text += key.substr(key.rfind('.') + 1) + " ";
    text += settings.at(key).get<std::string>();
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

/// Axes of two numbers or more that no axis before them settles.
std::vector<const Json*> numbers_that_vary(const SweepSource& sweep) {
  const Json& cells = sweep.json.at("cells");
  std::vector<std::string> before;
  std::vector<const Json*> numbers;
  for (const Json& axis : sweep.json.at("axes")) {
    const auto key = axis.at("key").get<std::string>();
    const bool settled = std::ranges::any_of(
        before, [&](const std::string& other) { return settles(cells, other, key); });
    if (!axis.at("unit").is_null() && axis.at("values").size() > 1 && !settled) {
      numbers.push_back(&axis);
    }
    before.push_back(key);
  }
  return numbers;
}

Json points(const SweepSource& sweep) {
  const Json horizontal = horizontal_axis(sweep);
  const std::string key = horizontal.is_null() ? "" : horizontal.at("key").get<std::string>();
  const std::vector<std::string> keys = telling_keys(sweep, key);
  Json out = Json::array();
  for (const Json& cell : sweep.json.at("cells")) {
    if (cell.at("seeds").empty()) continue;
    const Json& settings = cell.at("settings");
    Json point = {{"engine", cell.at("engine")}, {"real", false}};
    point["load"] = cell.at("name");
    point["variant"] = settings_text(settings, keys);
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
    const auto rate_key = rate.is_null() ? "" : rate.at("key").get<std::string>();
    const std::vector<const Json*> numbers = numbers_that_vary(sweep);
    // A rate that another number settles only goes along with that number.
    const bool goes_along = std::ranges::any_of(numbers, [&](const Json* axis) {
      return axis->at("key") != rate_key && settles(cells, axis->at("key"), rate_key);
    });
    Json axis = nullptr;
    if (!rate.is_null() && !goes_along) {
      axis = {{"key", rate_key}, {"unit", rate.at("unit")}, {"is_rate", true}};
      for (const Json& cell : cells) {
        axis["values"][cell.at("cell").get<std::string>()] = cell.at("rate");
      }
      return axis;
    }
    if (numbers.empty()) return nullptr;
    const Json& first = *numbers.front();
    const auto key = first.at("key").get<std::string>();
    axis = {{"key", key}, {"unit", first.at("unit")}, {"is_rate", false}};
    for (const Json& cell : cells) {
      const Json& settings = cell.at("settings");
      axis["values"][cell.at("cell").get<std::string>()] =
          settings.contains(key) ? number_on(first, settings.at(key)) : Json(nullptr);
    }
    return axis;
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
