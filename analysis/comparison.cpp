#include "analysis/comparison.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "analysis/summary_json.hpp"
#include "core/contract.hpp"

namespace calvo::analysis {
namespace {

std::string directory_name(const RunDirectory& run) {
  return std::filesystem::path(run.path).filename().string();
}

void name_runs(std::vector<ComparedRun>& runs) {
  std::set<std::string> engines;
  for (const ComparedRun& compared : runs) engines.insert(compared.run.summary.labels.engine);
  for (ComparedRun& compared : runs) {
    compared.name = engines.size() == runs.size() ? compared.run.summary.labels.engine
                                                  : directory_name(compared.run);
  }
}

using RowsById = std::map<std::uint64_t, const RequestRow*>;

RowsById by_id(const RunDirectory& run) {
  RowsById rows;
  for (const RequestRow& row : run.requests) rows.emplace(row.id, &row);
  return rows;
}

/// The first request that is not the same piece of work in both runs, in words; none if all are.
std::optional<std::string> first_difference(const RowsById& first, const RunDirectory& other) {
  for (const RequestRow& row : other.requests) {
    const auto found = first.find(row.id);
    if (found == first.end()) continue;  // one of the two was interrupted or warmed up otherwise
    const RequestRow& twin = *found->second;
    if (row.session != twin.session || row.turn != twin.turn) {
      return fmt::format(
          "request {} is turn {} of session {} in one and turn {} of session {} in "
          "the other",
          row.id, twin.turn, twin.session, row.turn, row.session);
    }
    if (row.input_tokens != twin.input_tokens) {
      return fmt::format("request {} has {} input tokens in one and {} in the other", row.id,
                         twin.input_tokens, row.input_tokens);
    }
  }
  return std::nullopt;
}

bool same_deadlines(const RowsById& first, const RunDirectory& other) {
  return std::ranges::all_of(other.requests, [&](const RequestRow& row) {
    const auto found = first.find(row.id);
    return found == first.end() || found->second->deadline_s == row.deadline_s;
  });
}

double warm_up_s(const RunDirectory& run) {
  return to_seconds(run.summary.labels.warm_up).count();
}

std::optional<PairedDifference> paired(const RunDirectory& first_run, const RowsById& first,
                                       const RunDirectory& other) {
  std::map<std::uint64_t, Cluster> sessions;
  Cluster all;
  for (const RequestRow& row : other.requests) {
    const auto found = first.find(row.id);
    if (found == first.end() || !row.ttft_s || !found->second->ttft_s) continue;
    if (row.arrival_s < warm_up_s(other) || found->second->arrival_s < warm_up_s(first_run)) {
      continue;
    }
    const double difference = 1e3 * (*row.ttft_s - *found->second->ttft_s);
    sessions[row.session].sum += difference;
    sessions[row.session].count += 1;
    all.sum += difference;
    all.count += 1;
  }
  if (all.count == 0) return std::nullopt;
  std::vector<Cluster> clusters;
  clusters.reserve(sessions.size());
  for (const auto& [session, cluster] : sessions) clusters.push_back(cluster);
  return PairedDifference{all.count, all.sum / static_cast<double>(all.count),
                          bootstrap_mean_95(clusters)};
}

void warn_about(const RunDirectory& first, const ComparedRun& compared,
                std::vector<std::string>& warnings) {
  const Summary& summary = compared.run.summary;
  if (summary.labels.scenario != first.summary.labels.scenario) {
    warnings.push_back(fmt::format("{} is of scenario \"{}\", the first of \"{}\"", compared.name,
                                   summary.labels.scenario, first.summary.labels.scenario));
  }
  if (summary.labels.seed != first.summary.labels.seed) {
    warnings.push_back(fmt::format("{} has seed {}, the first has {}", compared.name,
                                   summary.labels.seed, first.summary.labels.seed));
  }
  if (summary.labels.tpot_objective != first.summary.labels.tpot_objective ||
      summary.labels.warm_up != first.summary.labels.warm_up) {
    warnings.push_back(
        fmt::format("{} has another TPOT objective or warm-up than the first", compared.name));
  }
}

}  // namespace

Comparison compare(std::vector<RunDirectory> runs) {
  CALVO_EXPECT(!runs.empty());
  Comparison comparison;
  for (RunDirectory& run : runs) comparison.runs.push_back({{}, std::move(run), std::nullopt});
  name_runs(comparison.runs);

  const RunDirectory& first = comparison.runs.front().run;
  const RowsById first_rows = by_id(first);
  for (ComparedRun& compared : comparison.runs) {
    if (!compared.run.summary.complete) {
      comparison.warnings.push_back(compared.name + " was interrupted: it is not complete");
    }
    if (&compared.run == &first) continue;
    warn_about(first, compared, comparison.warnings);
    if (const auto difference = first_difference(first_rows, compared.run)) {
      comparison.warnings.push_back(
          fmt::format("{} has another workload than the first ({}): their TTFTs are not paired",
                      compared.name, *difference));
      continue;
    }
    if (!same_deadlines(first_rows, compared.run)) {
      comparison.warnings.push_back(
          compared.name + " has other deadlines than the first: attainments do not compare");
    }
    compared.ttft_vs_first = paired(first, first_rows, compared.run);
  }
  return comparison;
}

nlohmann::ordered_json to_json(const Comparison& comparison) {
  nlohmann::ordered_json json;
  json["runs"] = nlohmann::ordered_json::array();
  for (const ComparedRun& compared : comparison.runs) {
    nlohmann::ordered_json run;
    run["name"] = compared.name;
    run["directory"] = compared.run.path;
    run["summary"] = to_json(compared.run.summary);
    run["ttft_vs_first"] = nullptr;
    if (const auto& difference = compared.ttft_vs_first) {
      run["ttft_vs_first"] = {{"pairs", difference->pairs},
                              {"mean_ms", difference->mean_ms},
                              {"ci95_ms", {difference->ci95_ms.low, difference->ci95_ms.high}}};
    }
    json["runs"].push_back(std::move(run));
  }
  json["warnings"] = comparison.warnings;
  return json;
}

}  // namespace calvo::analysis
