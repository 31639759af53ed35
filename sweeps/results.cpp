#include "sweeps/results.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "analysis/mean_interval.hpp"
#include "sweeps/values.hpp"

namespace calvo::sweeps {
namespace {

using Json = nlohmann::ordered_json;
using analysis::PointResult;

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

const PointResult* result_at(const Schedule& schedule, const Cell& cell, std::uint64_t seed) {
  const PointOutcome* outcome = schedule.outcome(cell.point(seed));
  return outcome == nullptr ? nullptr : std::get_if<PointResult>(outcome);
}

/// Values of a metric over the seeds of a cell that are done.
std::vector<double> values_of(const Schedule& schedule, const CellRecord& record,
                              std::string_view metric) {
  std::vector<double> values;
  for (const std::uint64_t seed : record.seeds) {
    const PointResult* result = result_at(schedule, *record.cell, seed);
    if (result == nullptr) continue;
    if (const auto value = result->metric(metric)) values.push_back(*value);
  }
  return values;
}

analysis::MeanInterval mean_over_seeds(const Schedule& schedule, const CellRecord& record,
                                       std::string_view metric) {
  return analysis::mean_interval(values_of(schedule, record, metric), 0.95,
                                 analysis::possible_range(metric));
}

bool whole(const Schedule& schedule, const CellRecord& record) {
  return std::ranges::all_of(record.seeds, [&](std::uint64_t seed) {
    return result_at(schedule, *record.cell, seed) != nullptr;
  });
}

Json metrics_of(const Schedule& schedule, const CellRecord& record) {
  Json json = Json::object();
  const double level = record.stopped ? record.stopped->level : 0.95;
  for (const std::string_view name : analysis::cell_metric_names()) {
    const std::vector<double> values = values_of(schedule, record, name);
    Json& metric = json[std::string(name)];
    if (values.empty()) continue;
    const analysis::MeanInterval mean =
        analysis::mean_interval(values, level, analysis::possible_range(name));
    metric["mean"] = mean.mean;
    metric["ci95"] = nullptr;
    if (mean.interval) metric["ci95"] = {mean.interval->low, mean.interval->high};
    metric["std"] = mean.std_dev;
    metric["n"] = mean.count;
  }
  return json;
}

Json settings_json(const Plan& plan, const std::vector<std::string>& texts) {
  Json json = Json::object();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty()) json[plan.columns()[i]] = texts[i];
  }
  return json;
}

Json cell_json(const Schedule& schedule, const CellRecord& record) {
  const Cell& cell = *record.cell;
  Json json;
  json["cell"] = cell.id;
  json["kind"] = cell.kind == analysis::PointKind::grid ? "grid" : "search";
  json["engine"] = cell.engine;
  json["rate"] = number_or_null(cell.rate);
  json["name"] = cell.name;
  json["settings"] = settings_json(schedule.plan(), cell.texts);
  json["seeds"] = Json::array();
  for (const std::uint64_t seed : record.seeds) {
    if (result_at(schedule, cell, seed) != nullptr) json["seeds"].push_back(seed);
  }
  json["metrics"] = metrics_of(schedule, record);
  if (const auto& stopped = record.stopped) {
    json["stopped"] = {
        {"looks", stopped->looks}, {"level", stopped->level}, {"reached", stopped->reached}};
  }
  return json;
}

/// The values that an axis takes, those of `points` included, in the order of the cells.
Json axis_json(const Plan& plan, std::size_t column) {
  std::vector<std::string> texts;
  for (const Cell& cell : plan.grid()) {
    const std::string& text = cell.texts[column];
    if (!text.empty() && std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  }
  for (const RateGroup& group : plan.groups()) {  // all there is where nothing but searches run
    const std::string& text = group.texts[column];
    if (!text.empty() && std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  }
  std::vector<std::optional<BaseValue>> numbers;
  for (const std::string& text : texts) numbers.push_back(base_value(text));
  const bool numeric = !texts.empty() && std::ranges::all_of(numbers, [&](const auto& number) {
    return number && number->unit == numbers.front()->unit;
  });
  Json json;
  json["key"] = plan.columns()[column];
  json["unit"] = numeric ? Json(numbers.front()->unit) : Json(nullptr);
  json["values"] = Json::array();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    json["values"].push_back(
        {{"text", texts[i]}, {"number", numeric ? Json(numbers[i]->number) : Json(nullptr)}});
  }
  return json;
}

Json keep_json(const Keep& keep) {
  Json json = Json::array({"summary"});
  if (keep.requests) json.push_back("requests");
  if (keep.scenario) json.push_back("scenario");
  if (keep.timeline) json.push_back("timeline");
  if (keep.events) json.push_back("events");
  if (keep.environment) json.push_back("environment");
  return json;
}

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::found:
      return "found";
    case Outcome::always:
      return "always";
    case Outcome::never:
      return "never";
    case Outcome::unknown:
      return "unknown";
  }
  return "unknown";
}

Json rate_json(const Plan& plan, const RateFound& found) {
  Json json;
  json["engine"] = found.group->engine;
  json["settings"] = settings_json(plan, found.group->texts);
  json["outcome"] = name_of(found.crossing.outcome);
  json["source"] = found.searched ? "search" : "grid";
  json["rate"] = number_or_null(found.crossing.rate);
  json["ci95"] = {number_or_null(found.crossing.low), number_or_null(found.crossing.high)};
  json["tried"] = {found.lowest, found.highest};
  json["cells"] = found.cells;
  return json;
}

RateFound rate_of(const Schedule& schedule, const RateGroup& group,
                  const std::vector<const CellRecord*>& cells) {
  RateFound found;
  found.group = &group;
  std::vector<RatePoint> points;
  for (const CellRecord* record : cells) {
    const auto mean = mean_over_seeds(schedule, *record, "slo_attainment");
    found.cells.push_back(record->cell->id);
    if (mean.count == 0 || !whole(schedule, *record)) continue;
    points.push_back({*record->cell->rate, mean.mean, mean.interval});
  }
  if (points.empty()) return found;
  found.lowest = points.front().rate;
  found.highest = points.back().rate;
  if (points.size() == cells.size()) {
    found.crossing = crossing(points, schedule.plan().file().goodput.attainment);
  }
  return found;
}

/// "a / b" of two ends of which each may be open.
std::string range_text(const Crossing& crossing) {
  if (!crossing.low && !crossing.high) return "";
  return fmt::format(" [{}, {}]", crossing.low ? fmt::format("{:.3g}", *crossing.low) : "?",
                     crossing.high ? fmt::format("{:.3g}", *crossing.high) : "?");
}

std::string words_of(const RateFound& found) {
  switch (found.crossing.outcome) {
    case Outcome::found:
      return fmt::format("{:.3g}{}", *found.crossing.rate, range_text(found.crossing));
    case Outcome::always:
      return fmt::format("at least {:.3g}: met at every rate tried", found.highest);
    case Outcome::never:
      return fmt::format("below {:.3g}: met at no rate tried", found.lowest);
    case Outcome::unknown:
      return "unknown: points failed or are missing";
  }
  return "";
}

void append_columns(std::string& out,
                    const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  for (const auto& [name, text] : rows) out += fmt::format("  {:<{}}  {}\n", name, width, text);
}

std::string cell_words(const Schedule& schedule, const CellRecord& record) {
  const auto attainment = mean_over_seeds(schedule, record, "slo_attainment");
  const auto ttft = mean_over_seeds(schedule, record, "mean_ttft_ms");
  std::string text;
  if (attainment.count > 0) {
    text = fmt::format("attainment {:5.1f} %", 100 * attainment.mean);
    if (const auto& range = attainment.interval) {
      text += fmt::format(" [{:.1f}, {:.1f}]", 100 * range->low, 100 * range->high);
    }
  }
  if (ttft.count > 0) {
    text += fmt::format("{}mean TTFT {:.0f} ms", text.empty() ? "" : "  ", ttft.mean);
    if (const auto& range = ttft.interval) {
      text += fmt::format(" [{:.0f}, {:.0f}]", range->low, range->high);
    }
  }
  const std::size_t failed =
      static_cast<std::size_t>(std::ranges::count_if(record.seeds, [&](std::uint64_t seed) {
        const PointOutcome* outcome = schedule.outcome(record.cell->point(seed));
        return outcome != nullptr && std::holds_alternative<Failure>(*outcome);
      }));
  if (failed == record.seeds.size()) return "failed";
  if (text.empty()) text = "nothing was measured";
  return failed == 0 ? text
                     : fmt::format("{}  ({} of {} failed)", text, failed, record.seeds.size());
}

}  // namespace

analysis::SweepTable table_of(const Schedule& schedule) {
  analysis::SweepTable table;
  table.axes = schedule.plan().columns();
  for (const CellRecord& record : schedule.cells()) {
    const Cell& cell = *record.cell;
    for (const std::uint64_t seed : record.seeds) {
      const PointOutcome* outcome = schedule.outcome(cell.point(seed));
      if (outcome == nullptr) continue;
      const auto* result = std::get_if<PointResult>(outcome);
      table.rows.push_back({cell.point(seed), cell.id, cell.kind, cell.engine, seed, cell.rate,
                            cell.texts, result != nullptr ? std::optional(*result) : std::nullopt});
    }
  }
  return table;
}

std::vector<RateFound> rates_of(const Schedule& schedule) {
  const Plan& plan = schedule.plan();
  const std::vector<CellRecord> cells = schedule.cells();
  const bool searched = plan.file().goodput.search.has_value();
  std::vector<RateFound> rates;
  for (std::size_t i = 0; i < plan.groups().size(); ++i) {
    std::vector<const CellRecord*> of_group;
    if (searched) {
      for (const CellRecord& record : cells) {
        if (record.group == i) of_group.push_back(&record);
      }
    } else {
      for (const std::size_t cell : plan.groups()[i].grid) of_group.push_back(&cells[cell]);
      if (of_group.size() < 2) continue;  // one rate is no axis
    }
    rates.push_back(rate_of(schedule, plan.groups()[i], of_group));
    rates.back().searched = searched;
  }
  return rates;
}

nlohmann::ordered_json index_of(const Schedule& schedule) {
  const Plan& plan = schedule.plan();
  const SweepFile& file = plan.file();
  const std::vector<CellRecord> cells = schedule.cells();
  Json json;
  json["format"] = 1;
  json["name"] = file.name;
  json["description"] = file.description;
  json["scenario"] = file.scenario;
  json["objective"] = {{"attainment", file.goodput.attainment}};
  json["keep"] = keep_json(file.keep);
  json["seeds"] = plan.seeds();
  json["engines"] = plan.engines();
  json["axes"] = Json::array();
  for (std::size_t i = 0; i < plan.columns().size(); ++i)
    json["axes"].push_back(axis_json(plan, i));
  json["rate"] = nullptr;
  if (!plan.rate_key().empty()) {
    json["rate"] = {{"key", plan.rate_key()}, {"unit", plan.rate_unit()}};
  }
  const std::size_t planned = schedule.recorded() + schedule.open();
  json["points"] = {{"planned", planned},
                    {"done", schedule.recorded() - schedule.failed()},
                    {"failed", schedule.failed()}};
  json["complete"] = schedule.finished();
  json["cells"] = Json::array();
  for (const CellRecord& record : cells) json["cells"].push_back(cell_json(schedule, record));
  json["goodput"] = Json::array();
  for (const RateFound& found : rates_of(schedule)) {
    json["goodput"].push_back(rate_json(plan, found));
  }
  json["failed"] = Json::array();
  for (const CellRecord& record : cells) {
    for (const std::uint64_t seed : record.seeds) {
      const PointOutcome* outcome = schedule.outcome(record.cell->point(seed));
      const Failure* failure = outcome == nullptr ? nullptr : std::get_if<Failure>(outcome);
      if (failure == nullptr) continue;
      json["failed"].push_back({{"point", record.cell->point(seed)},
                                {"name", fmt::format("{}, seed {}", record.cell->name, seed)},
                                {"error", failure->error.substr(0, failure->error.find('\n'))}});
    }
  }
  return json;
}

std::string text_of(const Schedule& schedule) {
  const Plan& plan = schedule.plan();
  const std::vector<CellRecord> cells = schedule.cells();
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CellRecord& record : cells) {
    if (record.cell->kind != analysis::PointKind::grid) continue;
    rows.emplace_back(record.cell->name, cell_words(schedule, record));
  }
  std::string out;
  if (!rows.empty()) {
    out += fmt::format(
        "means over {} with 95 % confidence intervals:\n",
        plan.seeds().size() == 1 ? "1 seed" : fmt::format("{} seeds", plan.seeds().size()));
    append_columns(out, rows);
  }
  const std::vector<RateFound> rates = rates_of(schedule);
  if (rates.empty() && plan.file().goodput.wanted) {
    out += fmt::format(
        "\nno goodput: it is read off two or more values of a rate, {} or {}, and no axis has "
        "them\n",
        rate_keys[0], rate_keys[1]);
  }
  if (!rates.empty()) {
    out += fmt::format(
        "{}largest rate{} with attainment >= {:g} %, with a 95 % confidence interval{}:\n",
        rows.empty() ? "" : "\n",
        plan.rate_unit().empty() ? "" : fmt::format(" ({})", plan.rate_unit()),
        100 * plan.file().goodput.attainment,
        rates.front().searched ? "" : ", read off the rates above");
    rows.clear();
    for (const RateFound& found : rates) {
      std::string name = found.group->engine;
      for (const std::string& text : found.group->texts) {
        if (!text.empty()) name += ", " + text;
      }
      rows.emplace_back(std::move(name), words_of(found));
    }
    append_columns(out, rows);
  }
  return out;
}

}  // namespace calvo::sweeps
