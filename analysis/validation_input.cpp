#include "analysis/validation_input.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.hpp"
#include "core/text_file.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::json;

Json read_json(const std::string& file) {
  const auto text = read_file(file);
  if (!text) throw InputError({file, 0, 0}, "", "cannot be read; name a whole run directory");
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) throw InputError({file, 0, 0}, "", "is no JSON object; run again");
  return json;
}

std::string optional_text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Driver driver_of(const Json& environment, const std::string& file) {
  const std::string driver = optional_text(environment, "driver");
  if (driver == "sim") return Driver::sim;
  if (driver == "realrun") return Driver::realrun;
  throw InputError({file, 0, 0}, "driver",
                   driver.empty() ? "missing: it says whether the run was simulated (\"sim\") or "
                                    "real (\"realrun\"); run again with this version"
                                  : fmt::format("\"{}\" is neither \"sim\" nor \"realrun\"; run "
                                                "again with this version",
                                                driver));
}

std::optional<double> optional_number(const Json& load, const char* key, const std::string& file) {
  const auto found = load.find(key);
  if (found == load.end() || found->is_null()) return std::nullopt;
  if (!found->is_number()) {
    throw InputError({file, 0, 0}, std::string("load.") + key, "is not a number; run again");
  }
  return found->get<double>();
}

std::vector<std::string> faults_of(const Json& load, const std::string& file) {
  const auto found = load.find("faults");
  if (found == load.end()) return {};
  if (!found->is_array() ||
      !std::ranges::all_of(*found, [](const Json& script) { return script.is_string(); })) {
    throw InputError({file, 0, 0}, "load.faults", "is no list of scripts; run again");
  }
  return found->get<std::vector<std::string>>();
}

LoadQuality load_of(const Json& summary, const std::string& file) {
  const auto load = summary.find("load");
  if (load == summary.end() || !load->is_object()) return {};
  const auto count = [&](const char* key) {
    return static_cast<std::int64_t>(optional_number(*load, key, file).value_or(0));
  };
  return {optional_number(*load, "lateness_p99_s", file),
          optional_number(*load, "spare_cpu_busy", file),
          count("nodes_lost"),
          count("corrupt_blocks"),
          count("reconnects"),
          faults_of(*load, file)};
}

}  // namespace

ValidationRun read_validation_run(const std::string& path) {
  ValidationRun run;
  run.run = read_run_directory(path);
  const std::string environment_path = run.run.path + "/" + environment_file;
  const Json environment = read_json(environment_path);
  run.driver = driver_of(environment, environment_path);
  run.fabric = optional_text(environment, "fabric");
  run.device = optional_text(environment, "device");
  run.host = optional_text(environment, "host");
  const std::string summary_path = run.run.path + "/" + summary_file;
  run.load = load_of(read_json(summary_path), summary_path);
  return run;
}

}  // namespace calvo::analysis
