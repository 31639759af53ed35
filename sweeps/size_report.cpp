#include "sweeps/size_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "sweeps/report_parts.hpp"

namespace calvo::sweeps {
namespace {

using analysis::MeanInterval;
using analysis::TableFormat;
using analysis::TextTable;
using Answer = CheapestSearch::Answer;

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
  const std::string interval = mean.interval ? " " + interval_text(mean.interval, 100) : "";
  return decimal(100 * mean.mean) + interval;
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

TextTable number_table(const Sizing& sizing) {
  TextTable table;
  TextTable::Row heading = {"price"};
  for (const CatalogueSlot& slot : sizing.catalogue.slots) heading.push_back(slot.name);
  for (const char* name : {"slo_attainment", "slo_attainment_low", "slo_attainment_high",
                           "mean_ttft_ms", "bottleneck", "answer"}) {
    heading.emplace_back(name);
  }
  table.rows.push_back(std::move(heading));
  for (const SizedCombination* each : sizing.by_price()) {
    const Combination& bought = sizing.combinations[each->position];
    TextTable::Row row = {fmt::format("{}", bought.price)};
    for (std::size_t i = 0; i < bought.choice.size(); ++i) {
      row.push_back(sizing.catalogue.slots[i].options[bought.choice[i]].name);
    }
    row.push_back(full(known_mean(each->attainment)));
    append_full(row, each->attainment.interval);
    row.push_back(full(known_mean(each->ttft)));
    row.push_back(each->bottleneck);
    row.emplace_back(name_of(each->answer));
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

}  // namespace

std::string_view name_of(Answer answer) {
  constexpr std::string_view names[] = {"meets", "misses", "impossible"};
  return names[static_cast<std::size_t>(answer)];
}

std::string to_text(const Sizing& sizing, TableFormat format) {
  CALVO_EXPECT(!sizing.simulated.empty());
  if (format == TableFormat::csv) return analysis::render(number_table(sizing), format);
  return (sizing.best ? found_text(sizing, format) : not_found_text(sizing, format)) + "\n" +
         notes(sizing);
}

}  // namespace calvo::sweeps
