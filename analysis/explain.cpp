#include "analysis/explain.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "analysis/explain_split.hpp"

namespace calvo::analysis {

std::string_view name_of(Culprit culprit) {
  constexpr std::string_view names[] = {
      "storage NIC",   "serving NIC",       "network fabric",  "PCIe switch",     "PCIe lane",
      "DRAM",          "links alike",       "GPU compute",     "GPU memory",      "host memory",
      "token budget",  "limit on requests", "engine software", "transfer set-up", "lookup",
      "not attributed"};
  return names[static_cast<std::size_t>(culprit)];
}

std::string_view name_of(Stage stage) {
  constexpr std::string_view names[] = {"lookup", "queue", "network", "pcie", "compute", "decode"};
  return names[static_cast<std::size_t>(stage)];
}

std::string_view name_of(How how) {
  constexpr std::string_view names[] = {"own",    "shared", "earlier", "later",  "beside",
                                        "others", "full",   "unseen",  "unknown"};
  return names[static_cast<std::size_t>(how)];
}

std::vector<Nanoseconds> split_time(Nanoseconds total, std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  std::vector<Nanoseconds> parts;
  double before = 0;
  Nanoseconds given{0};
  for (const double weight : weights) {
    before += weight;
    const Nanoseconds until{
        sum > 0 ? std::llround(static_cast<double>(total.count()) * (before / sum)) : 0};
    parts.push_back(until - given);
    given = until;
  }
  if (!parts.empty() && given != total) parts.back() += total - given;
  return parts;
}

Explainer::Explainer(const ExplainEvidence& evidence) : index_(evidence) {}

ExplainTable Explainer::table() const {
  using Key = std::tuple<Stage, Culprit, std::string, How>;
  struct Sum {
    Nanoseconds time{0};
    std::int64_t requests = 0;
    std::map<RequestId, Nanoseconds> blamed;
  };
  struct KindSum {
    Nanoseconds time{0};
    std::int64_t worst_of = 0;
    std::map<std::string, Nanoseconds> resources;
  };
  std::map<Key, Sum> rows;
  std::map<Culprit, KindSum> kinds;
  ExplainTable table;
  for (std::size_t i = 0; i < index_.evidence.requests.size(); ++i) {
    const ExplainRequest& request = index_.evidence.requests[i];
    ++(request.measured ? table.requests : table.not_measured);
    if (!request.measured || !request.late) continue;
    ++table.late;
    table.late_ttft += request.late_ttft ? 1 : 0;
    table.rejected += request.outcome == Outcome::rejected ? 1 : 0;
    std::set<Key> seen;
    std::map<Culprit, Nanoseconds> mine;
    bool overtaken = false;
    for (const ExplainPiece& piece : pieces(i)) {
      const Key key{piece.stage, piece.culprit, piece.resource, piece.how};
      Sum& sum = rows[key];
      sum.time += piece.time;
      if (seen.insert(key).second) ++sum.requests;
      const std::vector<double> weights(piece.whom.size(), 1.0);
      const std::vector<Nanoseconds> parts = split_time(piece.time, weights);
      for (std::size_t k = 0; k < parts.size(); ++k) sum.blamed[piece.whom[k]] += parts[k];
      mine[piece.culprit] += piece.time;
      KindSum& kind = kinds[piece.culprit];
      kind.time += piece.time;
      if (!piece.resource.empty()) kind.resources[piece.resource] += piece.time;
      overtaken = overtaken || piece.how == How::later;
      table.time += piece.time;
    }
    table.overtaken += overtaken ? 1 : 0;
    const auto worst =
        std::ranges::max_element(mine, {}, [](const auto& entry) { return entry.second; });
    if (worst != mine.end()) ++kinds[worst->first].worst_of;
  }
  const auto longer = [](const auto& a, const auto& b) { return a.time > b.time; };
  for (auto& [key, sum] : rows) {
    ExplainRow row{std::get<0>(key),
                   std::get<1>(key),
                   std::get<2>(key),
                   std::get<3>(key),
                   sum.time,
                   sum.requests,
                   {}};
    for (const auto& [id, time] : sum.blamed) row.blamed.push_back({id, time});
    std::ranges::stable_sort(row.blamed, longer);
    if (row.blamed.size() > 3) row.blamed.resize(3);
    table.rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(table.rows, longer);
  for (auto& [culprit, sum] : kinds) {
    ExplainKind kind{culprit, sum.time, sum.worst_of, {}};
    std::vector<std::pair<Nanoseconds, std::string>> order;
    for (const auto& [name, time] : sum.resources) order.emplace_back(time, name);
    std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
    for (auto& [time, name] : order) kind.resources.push_back(std::move(name));
    table.kinds.push_back(std::move(kind));
  }
  std::ranges::stable_sort(table.kinds, longer);
  return table;
}

}  // namespace calvo::analysis
