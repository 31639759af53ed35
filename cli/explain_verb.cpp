#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/explain_text.hpp"
#include "analysis/run_directory.hpp"
#include "cli/checks.hpp"
#include "cli/explain_evidence.hpp"
#include "cli/signals.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"
#include "scenarios/load.hpp"
#include "sim/simulate.hpp"

namespace calvo::cli {
namespace {

struct ExplainArguments {
  std::string directory;
  std::optional<std::uint64_t> request;
  std::string format = "text";
};

std::string whole_file(const std::string& file) {
  auto text = read_file(file);
  if (!text) throw InputError({file, 0, 0}, "", "cannot be read; check its permissions");
  return *std::move(text);
}

/// Whether a simulation of now is the run of then, request by request.
bool same_run(const RunResult& result, const std::vector<analysis::RequestRow>& rows) {
  std::size_t at = 0;
  for (const RequestRecord& record : result.requests) {
    if (record.times.arrival == never) continue;
    if (at == rows.size() || rows[at].id != raw(record.id)) return false;
    const analysis::RequestRow& row = rows[at++];
    const bool first = record.times.first_token != never;
    if (record.outcome != row.outcome || first != row.ttft_s.has_value()) return false;
    constexpr double nearly = 1e-8;  // the table has nine decimals
    if (std::abs(seconds_of(record.times.arrival) - row.arrival_s) > nearly) return false;
    if (!first) continue;
    const double ttft = to_seconds(record.times.first_token - record.times.arrival).count();
    if (std::abs(ttft - *row.ttft_s) > nearly) return false;
  }
  return at == rows.size();
}

bool was_simulated(const std::string& directory) {
  const std::string file = directory + "/" + analysis::environment_file;
  if (!std::filesystem::is_regular_file(file)) return true;  // the comparison will tell
  const auto json = nlohmann::json::parse(whole_file(file), nullptr, false);
  return !json.is_object() || json.value("driver", "sim") == "sim";
}

/// The log that the run would have left with --events.
std::string simulated_log(const analysis::RunDirectory& run) {
  const std::string missing = run.path + "/" + analysis::events_file;
  if (!was_simulated(run.path)) {
    throw InputError({missing, 0, 0}, "",
                     "no such file, and a real run cannot be repeated; run it with --events");
  }
  scenarios::LoadOptions load;
  load.overrides = {"simulation.event_log=true", "simulation.timeline=false"};
  const std::string file = run.path + "/" + analysis::scenario_file;
  scenarios::Scenario scenario = scenarios::load_scenario(file, load);
  const bool interrupted_then =
      !run.summary.complete && scenario.simulation.time_limit == Seconds{0};
  if (interrupted_then) {
    throw InputError({missing, 0, 0}, "",
                     "no such file, and the run was interrupted: simulated again it would not stop "
                     "there; simulate all of it with calvo run " +
                         file + ", or give --events, whose log an interrupted run keeps");
  }
  std::string log;
  sim::SimulateOptions options;
  options.event_log_sink = [&](std::span<const std::byte> bytes) {
    log.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const RunResult result = sim::simulate(scenario, options);
  if (!same_run(result, run.requests)) {
    throw InputError({missing, 0, 0}, "",
                     "no such file, and simulating scenario.resolved.yaml again gives other "
                     "requests.csv; use the calvo that made the run, or run it with --events");
  }
  return log;
}

std::size_t index_of_request(const analysis::ExplainEvidence& evidence, std::uint64_t id,
                             const std::string& directory) {
  const auto found =
      std::ranges::find(evidence.requests, RequestId{id}, &analysis::ExplainRequest::id);
  if (found != evidence.requests.end()) {
    return static_cast<std::size_t>(found - evidence.requests.begin());
  }
  std::vector<std::uint64_t> ids;
  for (const analysis::ExplainRequest& request : evidence.requests) {
    ids.push_back(raw(request.id));
  }
  const auto distance = [&](std::uint64_t other) { return other < id ? id - other : other - id; };
  std::ranges::stable_sort(ids, {}, distance);
  std::string nearest;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ids.size()); ++i) {
    nearest += fmt::format("{}{}", i == 0 ? "" : ", ", ids[i]);
  }
  throw InputError({directory, 0, 0}, "--request",
                   fmt::format("no request \"{}\"{}", id,
                               nearest.empty() ? "; the run has none" : "; nearest: " + nearest));
}

int explain(const ExplainArguments& options) {
  end_on_signals("calvo: interrupted; nothing was explained and nothing written; run it again\n");
  const analysis::RunDirectory run = analysis::read_run_directory(options.directory);
  const std::string file = run.path + "/" + analysis::events_file;
  const bool recorded = std::filesystem::is_regular_file(file);
  const std::string log = recorded ? whole_file(file) : simulated_log(run);
  const scenarios::Scenario scenario =
      scenarios::load_scenario(run.path + "/" + analysis::scenario_file);
  const analysis::ExplainEvidence evidence =
      evidence_of(std::as_bytes(std::span(log)), file, scenario, run);
  const analysis::ExplainLabels labels = {run.path, scenario.engine.network_order.policy,
                                          scenario.engine.pcie_order.policy,
                                          scenario.engine.prefill_order.policy};
  const analysis::Explainer explainer(evidence);
  const bool json = options.format == "json";
  if (options.request) {
    const std::size_t index = index_of_request(evidence, *options.request, run.path);
    const analysis::ExplainedRequest it = analysis::explained(evidence, explainer, index);
    fmt::print("{}", json ? to_json(it, labels).dump(2) + "\n" : to_text(it, labels));
  } else {
    const analysis::ExplainTable table = explainer.table();
    fmt::print("{}", json ? to_json(table, labels).dump(2) + "\n" : to_text(table, labels));
  }
  return success;
}

}  // namespace

Verb add_explain(CLI::App& program) {
  const auto options = std::make_shared<ExplainArguments>();
  CLI::App* command = program.add_subcommand(
      "explain", "Say where the time of late requests went, and who or what had it");
  command->add_option("DIR", options->directory, "run directory")->required();
  command
      ->add_option("--request", options->request,
                   "this request's life, interval by interval, and what the policies saw of it")
      ->check(whole_number())
      ->type_name("ID");
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  command->footer(
      "A request is late if it missed an objective (slo_met is 0 in requests.csv). Its time from\n"
      "arrival to first token is cut where what it waits for changes, and each part is given to\n"
      "one stage, one resource and those that the resource worked for meanwhile: the link that a\n"
      "transfer filled, the step that the GPU computed, a memory that was full, a limit that was\n"
      "reached. \"its own use\" is what it would have needed alone. What the log does not show\n"
      "is \"not attributed\". docs/explain.md has the rules.\n\n"
      "The evidence is events.bin, given to a fresh engine. A simulated run without one is\n"
      "simulated again; a real run needs it (calvo realrun --events).\n\n"
      "Examples:\n"
      "  calvo run scenarios/planted/storage_nic.yaml --out runs/slow_nic\n"
      "  calvo explain runs/slow_nic\n"
      "  calvo explain runs/slow_nic --request 17\n"
      "  calvo explain runs/slow_nic --format json");
  return {command, [options] { return explain(*options); }};
}

}  // namespace calvo::cli
