#include "cli/explain_evidence.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/explain_paths.hpp"
#include "control/event_log.hpp"
#include "core/input_error.hpp"

namespace calvo::cli {
namespace {

using control::CommandKind;
using control::EventKind;

class EvidenceCollector final : public control::ReplayWatcher {
public:
  explicit EvidenceCollector(const scenarios::Scenario& scenario)
      : scenario_(scenario), paths_(scenario) {
    evidence_.links = paths_.links();
    once_ = scenario.engine.costs.step + scenario.truth->prefill(Tokens{1}, Tokens{0});
  }

  void begin(std::span<const std::unique_ptr<control::Instance>> instances) override {
    instances_ = instances;
    running_.resize(instances.size());
    step_.assign(instances.size(), none);
    open_.resize(instances.size());
    for (const auto& instance : instances) instance->record_decisions(&evidence_.decisions);
  }

  void batch(std::uint32_t reducer, std::span<const control::Event> events,
             const control::CommandBuffer& commands) override {
    if (events.empty() || reducer == control::router_index) return;
    for (const control::Event& event : events) take(reducer, event);
    const Instant date = events.back().time;
    for (const control::Command& command : commands.commands) {
      take(reducer, date, command, commands);
    }
    note_waits(reducer, date);
    evidence_.end = std::max(evidence_.end, date);
  }

  analysis::ExplainEvidence finish(const analysis::RunDirectory& run) {
    for (auto& here : open_) {
      for (auto& [id, wait] : here) close(wait, evidence_.end);
    }
    for (analysis::ExplainTransfer& transfer : evidence_.transfers) {
      transfer.end = std::min(transfer.end, evidence_.end);
      transfer.begin = std::min(transfer.begin, transfer.end);
    }
    for (analysis::ExplainStep& step : evidence_.steps) {
      step.end = std::min(step.end, evidence_.end);
    }
    std::ranges::stable_sort(evidence_.waits, {}, [](const analysis::ExplainWait& wait) {
      return std::pair(raw(wait.request), wait.from);
    });
    const double warm_up_s = to_seconds(run.summary.labels.warm_up).count();
    std::map<std::uint64_t, const analysis::RequestRow*> rows;
    for (const analysis::RequestRow& row : run.requests) rows[row.id] = &row;
    for (auto& [id, request] : requests_) {
      const auto row = rows.find(id);
      if (row != rows.end()) {
        request.measured = row->second->arrival_s >= warm_up_s;
        request.late = row->second->slo_met == false;
        const bool has_deadline = row->second->deadline_s.has_value();
        request.late_ttft =
            request.late && (!row->second->ttft_s ||
                             (has_deadline && *row->second->ttft_s > *row->second->deadline_s));
      }
      evidence_.requests.push_back(request);
    }
    return std::move(evidence_);
  }

private:
  static constexpr std::size_t none = ~std::size_t{0};

  void take(std::uint32_t instance, const control::Event& event) {
    switch (event.kind) {
      case EventKind::arrival: {
        analysis::ExplainRequest& request = requests_[raw(event.spec->id)];
        request.id = event.spec->id;
        request.instance = instance;
        request.input = event.spec->input;
        request.output = event.spec->output;
        request.deadline = event.spec->deadline;
        request.times.arrival = event.time;
        break;
      }
      case EventKind::fetch_done:
      case EventKind::copy_done:
      case EventKind::store_done: {
        const auto found = running_[instance].find(raw(event.run));
        if (found == running_[instance].end()) break;
        evidence_.transfers[found->second].end = event.time;
        running_[instance].erase(found);
        break;
      }
      case EventKind::step_done:
        if (step_[instance] != none) evidence_.steps[step_[instance]].end = event.time;
        step_[instance] = none;
        break;
      default:
        break;
    }
  }

  void take(std::uint32_t instance, Instant date, const control::Command& command,
            const control::CommandBuffer& commands) {
    switch (command.kind) {
      case CommandKind::fetch:
      case CommandKind::copy_in:
      case CommandKind::copy_out:
      case CommandKind::store: {
        analysis::ExplainTransfer transfer;
        transfer.instance = instance;
        transfer.request = command.request;
        transfer.posted = date;
        transfer.end = never;
        paths_.describe(command, transfer);
        if (command.after != RunId{}) {
          const auto leader = running_[instance].find(raw(command.after));
          if (leader != running_[instance].end()) {
            transfer.follows = static_cast<std::int64_t>(leader->second);
          }
        }
        if (transfer.inward) note(requests_[raw(command.request)].times.load_start, date);
        running_[instance][raw(command.run)] = evidence_.transfers.size();
        evidence_.transfers.push_back(std::move(transfer));
        break;
      }
      case CommandKind::run_step:
        begin_step(instance, date, command, commands);
        break;
      case CommandKind::finish:
        end_request(command, Outcome::completed);
        break;
      case CommandKind::reject:
        end_request(command, Outcome::rejected);
        break;
      case CommandKind::cancelled:
        end_request(command, Outcome::cancelled);
        break;
      default:
        break;
    }
  }

  void begin_step(std::uint32_t instance, Instant date, const control::Command& command,
                  const control::CommandBuffer& commands) {
    analysis::ExplainStep step;
    step.instance = instance;
    step.formed = instances_[instance]->step_formed();
    step.begin = date;
    step.end = never;
    std::int64_t tokens = 0;
    for (const control::StepPart& part : commands.parts_of(command)) {
      step.prompts.push_back(part.request);
      RequestTimes& times = requests_[raw(part.request)].times;
      note(times.prefill_start, date);
      for (Instant* before : {&times.network_done, &times.loaded}) note(*before, date);
      tokens += part.tokens.new_tokens.count();
    }
    for (const RequestId decode : commands.decodes_of(command)) {
      step.decodes.push_back(decode);
      ++tokens;
    }
    step.full = tokens >= scenario_.engine.token_budget;
    step.limit = instances_[instance]->step_limit();
    step.software = to_nanoseconds(scenario_.engine.costs.step);
    step.once = to_nanoseconds(once_);
    step_[instance] = evidence_.steps.size();
    evidence_.steps.push_back(std::move(step));
  }

  void end_request(const control::Command& command, Outcome outcome) {
    analysis::ExplainRequest& request = requests_[raw(command.request)];
    request.outcome = outcome;
    request.times = command.times;
    request.cached = command.cached;
  }

  void note_waits(std::uint32_t instance, Instant date) {
    auto& here = open_[instance];
    waits_.clear();
    instances_[instance]->waits(waits_);
    for (const Wait& wait : waits_) {
      const auto [found, fresh] = here.try_emplace(raw(wait.request));
      analysis::ExplainWait& open = found->second;
      if (fresh) open.from = date;
      if (!fresh && (open.why != wait.why || open.whose != wait.whose)) {
        RequestTimes& times = requests_[raw(wait.request)].times;
        if (open.why == Waiting::lookup) note(times.lookup_done, date);
        if (wait.why == Waiting::decode) note(times.first_token, date);
        close(open, date);
        open.from = date;
      }
      open.request = wait.request;
      open.why = wait.why;
      open.whose = wait.whose;
      open.to = date;  // seen until now
    }
    // Those that were not seen have left.
    for (auto next = here.begin(); waits_.size() < here.size() && next != here.end();) {
      const analysis::ExplainRequest& request = requests_[next->first];
      const bool left = request.outcome != Outcome::unfinished;
      if (left) close(next->second, date);
      next = left ? here.erase(next) : std::next(next);
    }
  }

  /// Dates of a request that never ends; those of others come with their end.
  static void note(Instant& date, Instant now) {
    if (date == never) date = now;
  }

  void close(analysis::ExplainWait& wait, Instant date) {
    wait.to = date;
    if (wait.from < wait.to) evidence_.waits.push_back(wait);
  }

  const scenarios::Scenario& scenario_;
  ExplainPaths paths_;
  Seconds once_{0};
  std::span<const std::unique_ptr<control::Instance>> instances_;
  analysis::ExplainEvidence evidence_;
  std::map<std::uint64_t, analysis::ExplainRequest> requests_;
  std::vector<std::unordered_map<std::uint64_t, std::size_t>> running_;  ///< by instance and run
  std::vector<std::size_t> step_;                                        ///< by instance
  std::vector<std::map<std::uint64_t, analysis::ExplainWait>> open_;     ///< by instance, request
  std::vector<Wait> waits_;
};

}  // namespace

analysis::ExplainEvidence evidence_of(std::span<const std::byte> log, const std::string& file,
                                      const scenarios::Scenario& scenario,
                                      const analysis::RunDirectory& run) {
  EvidenceCollector collector(scenario);
  const models::TopologySpec& topology = scenario.topology;
  const control::ReplayReport report =
      control::replay(log, file, scenario.engine, scenario.instance,
                      topology.serving_nodes * topology.instances_per_node, scenario.routing,
                      *scenario.estimates, &collector);
  if (report.difference) {
    throw InputError({file, 0, 0}, "",
                     fmt::format("this program's engine decides otherwise than the run did, first "
                                 "at {:.9f} s; use the calvo that made the run",
                                 seconds_of(report.difference->date)));
  }
  return collector.finish(run);
}

}  // namespace calvo::cli
