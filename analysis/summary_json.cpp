#include "analysis/summary_json.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/input_error.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto counter_names = std::to_array<std::pair<const char*, std::int64_t Counters::*>>({
    {"events", &Counters::events},
    {"commands", &Counters::commands},
    {"fetched_blocks", &Counters::fetched_blocks},
    {"copied_blocks", &Counters::copied_blocks},
    {"stored_blocks", &Counters::stored_blocks},
    {"shared_blocks", &Counters::shared_blocks},
    {"gpu_evictions", &Counters::gpu_evictions},
    {"host_evictions", &Counters::host_evictions},
    {"remote_evictions", &Counters::remote_evictions},
    {"preemptions", &Counters::preemptions},
    {"forced_releases", &Counters::forced_releases},
    {"cut_fetches", &Counters::cut_fetches},
    {"missing_blocks", &Counters::missing_blocks},
    {"corrupt_fetches", &Counters::corrupt_fetches},
    {"timed_out_fetches", &Counters::timed_out_fetches},
    {"failed_stores", &Counters::failed_stores},
    {"skipped_stores", &Counters::skipped_stores},
    {"recomputed_blocks", &Counters::recomputed_blocks},
    {"reloaded_blocks", &Counters::reloaded_blocks},
    {"steps", &Counters::steps},
    {"iterations", &Counters::iterations},
});
static_assert(sizeof(Counters) == counter_names.size() * sizeof(std::int64_t),
              "a counter has no name here");

constexpr auto integer_names = std::to_array<std::pair<const char*, std::int64_t Summary::*>>({
    {"measured", &Summary::measured},
    {"completed", &Summary::completed},
    {"rejected", &Summary::rejected},
    {"cancelled", &Summary::cancelled},
    {"unfinished", &Summary::unfinished},
    {"not_measured", &Summary::not_measured},
    {"total_input_tokens", &Summary::input_tokens},
    {"total_output_tokens", &Summary::output_tokens},
    {"total_cached_tokens", &Summary::cached_tokens},
    {"slo_judged", &Summary::slo_judged},
    {"slo_met", &Summary::slo_met},
});

constexpr auto real_names = std::to_array<std::pair<const char*, double Summary::*>>({
    {"duration", &Summary::duration_s},
    {"request_throughput", &Summary::request_throughput},
    {"request_goodput", &Summary::request_goodput},
    {"output_throughput", &Summary::output_throughput},
    {"total_token_throughput", &Summary::total_token_throughput},
    {"prefix_cache_hit_ratio", &Summary::prefix_cache_hit_ratio},
});

constexpr auto latency_names = std::to_array<std::pair<const char*, Spread Summary::*>>({
    {"ttft", &Summary::ttft},
    {"tpot", &Summary::tpot},
    {"e2el", &Summary::e2el},
});

constexpr auto spread_names = std::to_array<std::pair<const char*, double Spread::*>>({
    {"mean", &Spread::mean},
    {"median", &Spread::median},
    {"std", &Spread::std_dev},
    {"p90", &Spread::p90},
    {"p95", &Spread::p95},
    {"p99", &Spread::p99},
});

constexpr auto stage_names = std::to_array<std::pair<const char*, double StageMeans::*>>({
    {"queue", &StageMeans::queue},
    {"lookup", &StageMeans::lookup},
    {"network", &StageMeans::network},
    {"pcie", &StageMeans::pcie},
    {"compute", &StageMeans::compute},
});

std::string latency_key(const char* statistic, const char* latency) {
  return std::string(statistic) + "_" + latency + "_ms";
}

void read_latency(const Json& json, const char* name, Spread& spread) {
  if (json.at(latency_key("mean", name)).is_null()) return;
  spread.count = json.at("measurements").at(name);
  for (const auto& [statistic, member] : spread_names) {
    spread.*member = json.at(latency_key(statistic, name));
  }
}

void read_resources(const Json& json, Summary& summary) {
  for (const auto& [name, value] : json.at("utilization").items()) {
    ResourceUse resource;
    resource.name = name;
    resource.utilization = value;
    resource.moved = Bytes{json.at("moved_bytes").value(name, std::int64_t{0})};
    summary.resources.push_back(resource);
  }
  for (const auto& [name, value] : json.at("occupancy").items()) {
    ResourceUse resource;
    resource.name = name;
    resource.kind = ResourceKind::memory;
    resource.utilization = value.at("mean");
    resource.peak = value.at("peak");
    summary.resources.push_back(resource);
  }
}

void check_version(const Json& json, const std::string& file) {
  if (!json.is_object() || !json.contains("schema_version")) return;
  const Json& version = json["schema_version"];
  if (version == summary_schema) return;
  throw InputError({file, 0, 0}, "schema_version",
                   version.dump() + " is not the one that this calvo reads (" +
                       std::to_string(summary_schema) +
                       "); use the calvo that wrote it, or run the scenario again");
}

Summary read(const Json& json, const std::string& file) {
  check_version(json, file);
  Summary summary;
  summary.labels.scenario = json.at("scenario");
  summary.labels.engine = json.at("engine");
  summary.labels.seed = json.at("seed");
  summary.labels.warm_up = Nanoseconds{json.at("warm_up_ns").get<std::int64_t>()};
  summary.labels.tpot_objective = Nanoseconds{json.at("slo_tpot_ns").get<std::int64_t>()};
  summary.complete = json.at("complete");
  for (const auto& [name, member] : integer_names) summary.*member = json.at(name);
  for (const auto& [name, member] : real_names) summary.*member = json.at(name);
  for (const auto& [name, member] : latency_names) read_latency(json, name, summary.*member);
  if (!json.at("slo_attainment").is_null()) {
    summary.slo_attainment = json.at("slo_attainment").get<double>();
    summary.slo_attainment_ci95 = {json.at("slo_attainment_ci95").at(0),
                                   json.at("slo_attainment_ci95").at(1)};
  }
  for (const auto& [name, member] : stage_names) {
    summary.stages_ms.*member = json.at("stages_ms").at(name);
  }
  read_resources(json, summary);
  summary.bottleneck = json.at("bottleneck");
  summary.bottleneck_utilization = json.at("bottleneck_utilization");
  for (const auto& [name, member] : counter_names) {
    summary.counters.*member = json.at("counters").at(name);
  }
  summary.warnings = json.at("warnings").get<std::vector<std::string>>();
  return summary;
}

}  // namespace

Json to_json(const Summary& summary) {
  Json json;
  json["schema_version"] = summary_schema;
  json["scenario"] = summary.labels.scenario;
  json["engine"] = summary.labels.engine;
  json["seed"] = summary.labels.seed;
  json["complete"] = summary.complete;
  json["warm_up_ns"] = summary.labels.warm_up.count();
  json["slo_tpot_ns"] = summary.labels.tpot_objective.count();
  for (const auto& [name, member] : integer_names) json[name] = summary.*member;
  for (const auto& [name, member] : real_names) json[name] = summary.*member;
  json["measurements"] = Json::object();
  for (const auto& [name, member] : latency_names) {
    const Spread& spread = summary.*member;
    json["measurements"][name] = spread.count;
    for (const auto& [statistic, part] : spread_names) {
      json[latency_key(statistic, name)] = spread.count > 0 ? Json(spread.*part) : Json(nullptr);
    }
  }
  json["slo_attainment"] = summary.slo_attainment ? Json(*summary.slo_attainment) : Json(nullptr);
  json["slo_attainment_ci95"] =
      summary.slo_attainment
          ? Json::array({summary.slo_attainment_ci95.low, summary.slo_attainment_ci95.high})
          : Json(nullptr);
  for (const auto& [name, member] : stage_names) {
    json["stages_ms"][name] = summary.stages_ms.*member;
  }
  json["bottleneck"] = summary.bottleneck;
  json["bottleneck_utilization"] = summary.bottleneck_utilization;
  json["utilization"] = Json::object();
  json["occupancy"] = Json::object();
  json["moved_bytes"] = Json::object();
  for (const ResourceUse& resource : summary.resources) {
    if (resource.kind == ResourceKind::memory) {
      json["occupancy"][resource.name] = {{"mean", resource.utilization}, {"peak", resource.peak}};
      continue;
    }
    json["utilization"][resource.name] = resource.utilization;
    if (resource.moved > Bytes{0}) json["moved_bytes"][resource.name] = resource.moved.count();
  }
  json["events"] = summary.counters.events;
  for (const auto& [name, member] : counter_names)
    json["counters"][name] = summary.counters.*member;
  json["warnings"] = summary.warnings;
  return json;
}

Summary summary_from_json(const std::string& text, const std::string& file) {
  try {
    return read(Json::parse(text), file);
  } catch (const Json::parse_error& error) {
    const std::string_view before(text.data(), std::min(error.byte, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.find_last_of('\n');
    const std::size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1);
    throw InputError(
        {file, static_cast<int>(line), static_cast<int>(std::max<std::size_t>(column, 1))}, "",
        "is not JSON; run the scenario again");
  } catch (const Json::exception& error) {
    throw InputError({file, 0, 0}, "",
                     std::string("is not a summary of this version (") + error.what() +
                         "); run the scenario again");
  }
}

}  // namespace calvo::analysis
