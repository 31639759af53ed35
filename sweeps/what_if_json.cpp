#include <utility>

#include "sweeps/cell_runs.hpp"
#include "sweeps/report_parts.hpp"
#include "sweeps/what_if_report.hpp"

namespace calvo::sweeps {
namespace {

using Json = nlohmann::ordered_json;

Json mean_json(const analysis::MeanInterval& mean) {
  return {{"mean", mean.mean}, {"ci95", json_of(mean.interval)}, {"n", mean.count}};
}

Json effect_json(const Effect& effect) {
  Json json = mean_json(effect.mean);
  json["more"] = nullptr;
  if (const auto& difference = effect.difference) {
    json["more"] = {{"mean", difference->mean},
                    {"ci95", json_of(difference->ci95)},
                    {"p", difference->p},
                    {"adjusted_p", effect.adjusted_p},
                    {"significant", effect.significant()}};
  }
  return json;
}

Json change_json(const Change& change) {
  Json json;
  json["change"] = change.name;
  json["kind"] = name_of(change.kind);
  json["detail"] = change.detail;
  json["set"] = change.set;
  json["run"] = change.run;
  return json;
}

}  // namespace

Json to_json(const WhatIf& what_if) {
  Json json;
  json["scenario"] = what_if.scenario;
  json["engine"] = what_if.engine;
  json["seeds"] = what_if.seeds;
  json["bottleneck"] = what_if.bottleneck;
  json[attainment_metric] = mean_json(what_if.attainment);
  json[ttft_metric] = mean_json(what_if.ttft);
  json["changes"] = Json::array();
  for (const RankedChange& each : what_if.changes) {
    Json row;
    row["rank"] = each.rank;
    row.update(change_json(each.change));
    row[attainment_metric] = effect_json(each.attainment);
    row[ttft_metric] = effect_json(each.ttft);
    json["changes"].push_back(std::move(row));
  }
  json["failed"] = Json::array();
  for (const FailedChange& each : what_if.failed) {
    Json row = change_json(each.change);
    row["error"] = each.error;
    json["failed"].push_back(std::move(row));
  }
  return json;
}

}  // namespace calvo::sweeps
