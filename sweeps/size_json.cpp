#include "sweeps/cell_runs.hpp"
#include "sweeps/report_parts.hpp"
#include "sweeps/size_report.hpp"

namespace calvo::sweeps {
namespace {

using Json = nlohmann::ordered_json;

Json combination_json(const Sizing& sizing, const SizedCombination& each) {
  const Combination& bought = sizing.combinations[each.position];
  Json json;
  json["price"] = bought.price;
  for (std::size_t i = 0; i < bought.choice.size(); ++i) {
    const CatalogueSlot& slot = sizing.catalogue.slots[i];
    const CatalogueOption& option = slot.options[bought.choice[i]];
    json["parts"].push_back({{"slot", slot.name},
                             {"option", option.name},
                             {"pieces", bought.pieces[i]},
                             {"price_each", option.price}});
  }
  json["answer"] = name_of(each.answer);
  if (each.answer == CheapestSearch::Answer::impossible) {
    json["error"] = each.error;
    return json;
  }
  json[attainment_metric] = each.attainment.mean;
  json[std::string(attainment_metric) + "_ci95"] = json_of(each.attainment.interval);
  json["margin"] = each.attainment.mean - sizing.target;
  json[ttft_metric] = each.ttft.mean;
  json["bottleneck"] = each.bottleneck;
  return json;
}

}  // namespace

Json to_json(const Sizing& sizing) {
  Json json;
  json["scenario"] = sizing.scenario;
  json["engine"] = sizing.engine;
  json["rate"] = sizing.rate.empty() ? Json(nullptr) : Json(sizing.rate);
  json["target"] = sizing.target;
  json["seeds"] = sizing.seeds;
  json["currency"] = sizing.catalogue.currency;
  json["prices_as_of"] = sizing.catalogue.as_of;
  json["combinations"] = sizing.combinations.size();
  json["cheapest"] =
      sizing.best ? combination_json(sizing, *sizing.at(*sizing.best)) : Json(nullptr);
  json["reserve"] = nullptr;
  if (const auto& reserve = sizing.reserve) {
    json["reserve"] = {{"rate_unit", reserve->unit},
                       {"asked", reserve->asked_base},
                       {"highest_tried", reserve->highest},
                       {"rate", json_of(reserve->crossing.rate)},
                       {"ci95", {json_of(reserve->crossing.low), json_of(reserve->crossing.high)}}};
  }
  const SizedCombination* closest = sizing.best ? nullptr : sizing.closest();
  json["closest"] = closest == nullptr ? Json(nullptr) : combination_json(sizing, *closest);
  json["simulated"] = Json::array();
  for (const SizedCombination* each : sizing.by_price()) {
    json["simulated"].push_back(combination_json(sizing, *each));
  }
  return json;
}

}  // namespace calvo::sweeps
