#include "report/run_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace calvo::report {
namespace {

using Json = nlohmann::ordered_json;
using analysis::RequestRow;

std::int64_t microseconds(double seconds) {
  return std::llround(seconds * 1e6);
}

Json optional_microseconds(const std::optional<double>& seconds) {
  return seconds ? Json(microseconds(*seconds)) : Json(nullptr);
}

/// Three digits are more than a plot shows.
double rounded(double value) {
  return std::round(value * 1e3) / 1e3;
}

/// Seconds of each of `life_stages`; none for a request that has no first token.
std::optional<std::array<double, life_stages.size()>> life_of(const RequestRow& row,
                                                              const Timeline& timeline) {
  if (!row.stages_s) return std::nullopt;
  const auto [queue, lookup, network, pcie, compute] = *row.stages_s;
  const auto found = timeline.queued_after_loading.find(row.id);
  const double after = found == timeline.queued_after_loading.end() ? 0 : found->second / 1e6;
  const double late = std::min(after, queue);
  const double decode = row.e2e_s && row.ttft_s ? *row.e2e_s - *row.ttft_s : 0;
  return std::array{lookup, queue - late, network, pcie, late, compute, decode};
}

std::vector<const RequestRow*> by_arrival(const RunSource& source) {
  std::vector<const RequestRow*> rows;
  for (const RequestRow& row : source.run.requests) rows.push_back(&row);
  std::ranges::stable_sort(rows, {}, [](const RequestRow* row) { return row->arrival_s; });
  return rows;
}

struct Extent {
  double begin = 0;
  double end = 0;
};

Extent extent_of(const RunSource& source) {
  Extent extent{1e300, 0};
  for (const RequestRow& row : source.run.requests) {
    extent.begin = std::min(extent.begin, row.arrival_s);
    extent.end = std::max(extent.end, row.arrival_s + row.e2e_s.value_or(row.ttft_s.value_or(0)));
  }
  return extent;
}

/// Adds to each interval the share of it that [from, to) covers.
void cover(std::vector<double>& counts, const Extent& extent, double from, double to) {
  const double width = (extent.end - extent.begin) / static_cast<double>(counts.size());
  const double begin = std::max(0.0, (from - extent.begin) / width);
  const double end = std::min(static_cast<double>(counts.size()), (to - extent.begin) / width);
  for (auto bin = static_cast<std::size_t>(begin); static_cast<double>(bin) < end; ++bin) {
    const auto left = static_cast<double>(bin);
    counts[bin] += std::min(end, left + 1) - std::max(begin, left);
  }
}

Json rounded_all(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(rounded(value));
  return out;
}

Json stage_counts(const RunSource& source, const Extent& extent) {
  std::array<std::vector<double>, life_stages.size()> counts;
  counts.fill(std::vector<double>(time_bins, 0.0));
  for (const RequestRow& row : source.run.requests) {
    const auto life = life_of(row, source.timeline);
    if (!life) continue;
    double at = row.arrival_s;
    for (std::size_t i = 0; i < life->size(); ++i) {
      cover(counts[i], extent, at, at + (*life)[i]);
      at += (*life)[i];
    }
  }
  Json stages;
  for (std::size_t i = 0; i < counts.size(); ++i) stages[life_stages[i]] = rounded_all(counts[i]);
  return stages;
}

}  // namespace

Json request_columns(const RunSource& source) {
  Json columns = {
      {"id", Json::array()},       {"session", Json::array()},  {"turn", Json::array()},
      {"instance", Json::array()}, {"input", Json::array()},    {"cached", Json::array()},
      {"output", Json::array()},   {"arrival", Json::array()},  {"ttft", Json::array()},
      {"e2e", Json::array()},      {"deadline", Json::array()}, {"met", Json::array()},
      {"outcome", Json::array()},  {"stages", Json::object()}};
  Json& stages = columns["stages"];
  for (const char* stage : life_stages) stages[stage] = Json::array();
  for (const RequestRow* row : by_arrival(source)) {
    columns["id"].push_back(row->id);
    columns["session"].push_back(row->session);
    columns["turn"].push_back(row->turn);
    columns["instance"].push_back(row->instance);
    columns["input"].push_back(row->input_tokens);
    columns["cached"].push_back(row->cached_tokens);
    columns["output"].push_back(row->output_tokens);
    columns["arrival"].push_back(microseconds(row->arrival_s));
    columns["ttft"].push_back(optional_microseconds(row->ttft_s));
    columns["e2e"].push_back(optional_microseconds(row->e2e_s));
    columns["deadline"].push_back(optional_microseconds(row->deadline_s));
    columns["met"].push_back(row->slo_met ? Json(*row->slo_met ? 1 : 0) : Json(nullptr));
    columns["outcome"].push_back(name_of(row->outcome));
    const auto life = life_of(*row, source.timeline);
    for (std::size_t i = 0; i < life_stages.size(); ++i) {
      stages[life_stages[i]].push_back(life ? Json(microseconds((*life)[i])) : Json(nullptr));
    }
  }
  return columns;
}

Json over_time(const RunSource& source) {
  const Extent extent = extent_of(source);
  if (!(extent.begin < extent.end)) return nullptr;
  Json json;
  json["begin_s"] = extent.begin;
  json["bin_s"] = (extent.end - extent.begin) / time_bins;
  json["stages"] = stage_counts(source, extent);
  json["work"] = Json::object();
  for (const auto& [track, by_name] : source.timeline.work) {
    for (const auto& [what, spans] : by_name) {
      json["work"][track][what] =
          rounded_all(covered_shares(spans, extent.begin * 1e6, extent.end * 1e6, time_bins));
    }
  }
  return json;
}

Json occupancy_over_time(const Occupancy& occupancy) {
  if (occupancy.tiers.empty() || occupancy.interval_s <= 0) return nullptr;
  Json json;
  json["interval_s"] = occupancy.interval_s;
  for (const TierOccupancy& tier : occupancy.tiers) {
    json["tiers"][tier.name] = rounded_all(tier.shares);
  }
  return json;
}

}  // namespace calvo::report
