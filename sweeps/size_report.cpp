#include "sweeps/size_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "analysis/sweep_table.hpp"
#include "core/contract.hpp"

namespace calvo::sweeps {
namespace {

using analysis::Interval;
using analysis::MeanInterval;
using analysis::PointResult;
using analysis::TableFormat;
using analysis::TextTable;
using Answer = CheapestSearch::Answer;
using Json = nlohmann::ordered_json;

constexpr std::string_view answers[] = {"meets", "misses", "impossible"};

std::string_view answer_name(Answer answer) {
  return answers[static_cast<std::size_t>(answer)];
}

/// 12345.5 -> "12,345.50", 700 -> "700".
std::string money(double price) {
  const bool whole = price == std::floor(price);
  std::string text = whole ? fmt::format("{:.0f}", price) : fmt::format("{:.2f}", price);
  const std::size_t digits = std::min(text.find('.'), text.size());
  for (std::size_t at = digits; at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string percent(const MeanInterval& mean) {
  if (mean.count == 0) return "-";
  std::string text = fmt::format("{:.1f}", 100 * mean.mean);
  if (mean.interval) {
    text += fmt::format(" [{:.1f}, {:.1f}]", 100 * mean.interval->low, 100 * mean.interval->high);
  }
  return text;
}

/// "82.3 % [44.1, 97.6]"
std::string in_words(const MeanInterval& mean) {
  std::string text = percent(mean);
  return text.insert(std::min(text.find(' '), text.size()), " %");
}

TextTable bill(const Sizing& sizing, const Combination& bought) {
  TextTable table;
  table.rows.push_back(
      {"slot", "pieces", fmt::format("each ({})", sizing.catalogue.currency), "price", "option"});
  for (std::size_t i = 0; i < bought.choice.size(); ++i) {
    const CatalogueSlot& slot = sizing.catalogue.slots[i];
    const CatalogueOption& option = slot.options[bought.choice[i]];
    table.rows.push_back({slot.name, fmt::format("{:g}", bought.pieces[i]), money(option.price),
                          money(bought.pieces[i] * option.price), option.name});
  }
  table.rows.push_back({"all", "", "", money(bought.price), ""});
  return table;
}

/// What differs from the best: "storage NIC 200 -> 100 Gbit/s".
std::string difference(const Sizing& sizing, std::size_t position) {
  const Combination& best = sizing.combinations[*sizing.best];
  const Combination& other = sizing.combinations[position];
  std::string text;
  for (std::size_t i = 0; i < best.choice.size(); ++i) {
    if (best.choice[i] == other.choice[i]) continue;
    const CatalogueSlot& slot = sizing.catalogue.slots[i];
    text += fmt::format("{}{}: {} instead of {}", text.empty() ? "" : "; ", slot.name,
                        slot.options[other.choice[i]].name, slot.options[best.choice[i]].name);
  }
  return text;
}

TextTable cheaper(const Sizing& sizing) {
  TextTable table;
  table.rows.push_back({"cheaper", "saves", "attainment (%) [95 %]", "points from target", ""});
  for (const std::size_t position : savings(sizing.combinations, *sizing.best)) {
    const SizedCombination* known = sizing.at(position);
    if (known == nullptr) continue;
    const bool possible = known->answer != Answer::impossible;
    table.rows.push_back(
        {difference(sizing, position),
         money(sizing.combinations[*sizing.best].price - sizing.combinations[position].price),
         percent(known->attainment),
         possible ? fmt::format("{:+.1f}", 100 * (known->attainment.mean - sizing.target)) : "-",
         possible ? "" : "impossible"});
  }
  return table;
}

std::vector<const SizedCombination*> by_price(const Sizing& sizing) {
  std::vector<const SizedCombination*> all;
  for (const SizedCombination& each : sizing.simulated) all.push_back(&each);
  std::ranges::sort(all, {}, [](const SizedCombination* each) { return each->position; });
  return all;
}

std::string number_or_empty(bool known, double value) {
  return known ? fmt::format("{}", value) : std::string();
}

TextTable number_table(const Sizing& sizing) {
  TextTable table;
  TextTable::Row heading = {"price"};
  for (const CatalogueSlot& slot : sizing.catalogue.slots) heading.push_back(slot.name);
  for (const char* name : {"slo_attainment", "slo_attainment_low", "slo_attainment_high",
                           "mean_ttft_ms", "bottleneck", "answer"}) {
    heading.emplace_back(name);
  }
  table.rows.push_back(std::move(heading));
  for (const SizedCombination* each : by_price(sizing)) {
    const Combination& bought = sizing.combinations[each->position];
    TextTable::Row row = {fmt::format("{}", bought.price)};
    for (std::size_t i = 0; i < bought.choice.size(); ++i) {
      row.push_back(sizing.catalogue.slots[i].options[bought.choice[i]].name);
    }
    const MeanInterval& mean = each->attainment;
    row.push_back(number_or_empty(mean.count > 0, mean.mean));
    row.push_back(mean.interval ? fmt::format("{}", mean.interval->low) : "");
    row.push_back(mean.interval ? fmt::format("{}", mean.interval->high) : "");
    row.push_back(number_or_empty(each->ttft.count > 0, each->ttft.mean));
    row.push_back(each->bottleneck);
    row.emplace_back(answer_name(each->answer));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string asked(const Sizing& sizing) {
  return fmt::format("attainment of at least {:g} % for {} under {}{}", 100 * sizing.target,
                     sizing.scenario, sizing.engine,
                     sizing.rate.empty() ? "" : " at a rate of " + sizing.rate);
}

/// What was simulated, where prices come from, and what is too close to call.
std::string notes(const Sizing& sizing) {
  std::string text = fmt::format(
      "{} combinations: {} simulated with {} seed{} each, {} ruled out by their price or by a miss "
      "of\nwhat is no worse. Deadlines are those of the scenario as it is written.\nPrices in {} "
      "as of {}{}{}\n",
      sizing.combinations.size(), sizing.simulated.size(), sizing.seeds.size(),
      sizing.seeds.size() == 1 ? "" : "s", sizing.combinations.size() - sizing.simulated.size(),
      sizing.catalogue.currency, sizing.catalogue.as_of, sizing.catalogue.note.empty() ? "" : ": ",
      sizing.catalogue.note);
  const SizedCombination* best = sizing.best ? sizing.at(*sizing.best) : nullptr;
  if (best != nullptr && best->attainment.interval &&
      best->attainment.interval->low < sizing.target) {
    text += fmt::format(
        "warning: the interval of the cheapest reaches below {:g} %; --seeds asks for more\n",
        100 * sizing.target);
  }
  return text;
}

/// "It carries 43.1 /s [42.5, 44.0], 1.2 times the rate asked for."
std::string reserve_text(const RateReserve& reserve) {
  const auto rate = [&](double value) {
    return to_text(Quantity{std::stod(fmt::format("{:.3g}", value)), reserve.unit});
  };
  const Crossing& crossing = reserve.crossing;
  if (crossing.outcome == Outcome::always) {
    return fmt::format("It meets the target up to {} at least, {:.3g} times the rate asked for.\n",
                       rate(reserve.highest), reserve.highest / reserve.asked_base);
  }
  if (crossing.outcome != Outcome::found || !crossing.rate) {
    return "Up to which rate it meets the target could not be found.\n";
  }
  std::string text = "It meets the target up to " + rate(*crossing.rate);
  if (crossing.low && crossing.high) {
    text += fmt::format(" [{}, {}]", rate(*crossing.low), rate(*crossing.high));
  }
  return text +
         fmt::format(", {:.3g} times the rate asked for.\n", *crossing.rate / reserve.asked_base);
}

std::string found_text(const Sizing& sizing, TableFormat format) {
  const Combination& bought = sizing.combinations[*sizing.best];
  const SizedCombination& best = *sizing.at(*sizing.best);
  std::string text = fmt::format("Cheapest with {}: {} {}\n\n", asked(sizing), money(bought.price),
                                 sizing.catalogue.currency);
  text += analysis::render(bill(sizing, bought), format);
  text +=
      fmt::format("\nAttainment {}: {:.1f} points above the target. Mean TTFT {:.1f} ms{}{}.\n",
                  in_words(best.attainment), 100 * (best.attainment.mean - sizing.target),
                  best.ttft.mean, best.bottleneck.empty() ? "" : "; busiest: ", best.bottleneck);
  if (sizing.reserve) text += reserve_text(*sizing.reserve);
  const TextTable less = cheaper(sizing);
  if (less.rows.size() > 1) text += "\n" + analysis::render(less, format);
  return text;
}

std::string not_found_text(const Sizing& sizing, TableFormat format) {
  std::string text = fmt::format("Nothing in the catalogue has {}.\n", asked(sizing));
  const SizedCombination* closest = sizing.closest();
  if (closest == nullptr) {
    const std::string& error = sizing.simulated.front().error;
    return text + "None can be simulated: " + error.substr(0, error.find('\n')) + "\n";
  }
  const Combination& bought = sizing.combinations[closest->position];
  text += fmt::format(
      "Closest: {} for {} {}, {:.1f} points below the target; mean TTFT {:.1f} ms{}{}.\n\n",
      in_words(closest->attainment), money(bought.price), sizing.catalogue.currency,
      100 * (sizing.target - closest->attainment.mean), closest->ttft.mean,
      closest->bottleneck.empty() ? "" : "; busiest: ", closest->bottleneck);
  return text + analysis::render(bill(sizing, bought), format);
}

Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

Json to_json(const Sizing& sizing, const SizedCombination& each) {
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
  json["answer"] = std::string(answer_name(each.answer));
  if (each.answer == Answer::impossible) {
    json["error"] = each.error;
    return json;
  }
  json["slo_attainment"] = each.attainment.mean;
  json["slo_attainment_ci95"] = to_json(each.attainment.interval);
  json["margin"] = each.attainment.mean - sizing.target;
  json["mean_ttft_ms"] = each.ttft.mean;
  json["bottleneck"] = each.bottleneck;
  return json;
}

}  // namespace

SizedCombination size_up(std::size_t position, const Schedule& schedule, const CellRecord& record,
                         double target) {
  SizedCombination sized;
  sized.position = position;
  std::vector<double> attainment;
  std::vector<double> ttft;
  std::map<std::string, int> bottlenecks;
  for (const std::uint64_t seed : record.seeds) {
    const PointOutcome* outcome = schedule.outcome(record.cell->point(seed));
    CALVO_EXPECT(outcome != nullptr);
    if (const auto* failure = std::get_if<Failure>(outcome)) {
      return {position, Answer::impossible, {}, {}, {}, failure->error};
    }
    const auto& result = std::get<PointResult>(*outcome);
    if (const auto value = result.metric("slo_attainment")) attainment.push_back(*value);
    if (const auto value = result.metric("mean_ttft_ms")) ttft.push_back(*value);
    bottlenecks[result.bottleneck] += 1;
  }
  CALVO_ENSURE(!attainment.empty());  // a scenario without objective is refused before
  sized.attainment =
      analysis::mean_interval(attainment, 0.95, analysis::possible_range("slo_attainment"));
  sized.ttft = analysis::mean_interval(ttft, 0.95, analysis::possible_range("mean_ttft_ms"));
  sized.bottleneck = std::ranges::max_element(bottlenecks, {}, [](const auto& entry) {
                       return entry.second;
                     })->first;
  sized.answer = sized.attainment.mean >= target - 1e-12 ? Answer::meets : Answer::misses;
  return sized;
}

const SizedCombination* Sizing::at(std::size_t position) const {
  const auto found = std::ranges::find(simulated, position, &SizedCombination::position);
  return found == simulated.end() ? nullptr : &*found;
}

const SizedCombination* Sizing::closest() const {
  const SizedCombination* closest = nullptr;
  for (const SizedCombination* each : by_price(*this)) {
    if (each->answer == Answer::impossible) continue;
    if (closest == nullptr || each->attainment.mean > closest->attainment.mean) closest = each;
  }
  return closest;
}

std::string to_text(const Sizing& sizing, TableFormat format) {
  CALVO_EXPECT(!sizing.simulated.empty());
  if (format == TableFormat::csv) return analysis::render(number_table(sizing), format);
  return (sizing.best ? found_text(sizing, format) : not_found_text(sizing, format)) + "\n" +
         notes(sizing);
}

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
  json["cheapest"] = sizing.best ? to_json(sizing, *sizing.at(*sizing.best)) : Json(nullptr);
  json["reserve"] = nullptr;
  if (const auto& reserve = sizing.reserve) {
    const auto number = [](const std::optional<double>& value) {
      return value ? Json(*value) : Json(nullptr);
    };
    json["reserve"] = {{"rate_unit", reserve->unit},
                       {"asked", reserve->asked_base},
                       {"highest_tried", reserve->highest},
                       {"rate", number(reserve->crossing.rate)},
                       {"ci95", {number(reserve->crossing.low), number(reserve->crossing.high)}}};
  }
  const SizedCombination* closest = sizing.best ? nullptr : sizing.closest();
  json["closest"] = closest == nullptr ? Json(nullptr) : to_json(sizing, *closest);
  json["simulated"] = Json::array();
  for (const SizedCombination* each : by_price(sizing)) {
    json["simulated"].push_back(to_json(sizing, *each));
  }
  return json;
}

}  // namespace calvo::sweeps
