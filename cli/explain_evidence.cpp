#include "cli/explain_evidence.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control/event_log.hpp"
#include "core/input_error.hpp"
#include "sim/topology.hpp"

namespace calvo::cli {
namespace {

using analysis::Culprit;
using control::CommandKind;
using control::EventKind;

Culprit kind_of_link(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (has(".dram")) return Culprit::dram;
  if (has(".pcie_switch")) return Culprit::pcie_switch;
  if (has(".pcie.")) return Culprit::pcie_lane;
  if (has(".spine")) return Culprit::fabric;
  return name.starts_with("storage") ? Culprit::storage_nic : Culprit::serving_nic;
}

/// Rates and set-up times of a scenario's transfers, as its simulation has them.
class Paths {
public:
  explicit Paths(const scenarios::Scenario& scenario)
      : scenario_(scenario),
        topology_(scenario.topology, scenario.gpu.pcie.bandwidth, scenario.engine.tensor_parallel),
        fetches_(static_cast<std::size_t>(topology_.instances())),
        stores_(fetches_.size()) {}

  std::vector<analysis::ExplainLink> links() const {
    std::vector<analysis::ExplainLink> links;
    for (const sim::LinkInfo& link : topology_.links()) {
      links.push_back({link.name, kind_of_link(link.name), link.capacity});
    }
    return links;
  }

  void describe(const control::Command& command, analysis::ExplainTransfer& transfer) {
    const InstanceId instance{transfer.instance};
    transfer.network = command.kind == CommandKind::fetch || command.kind == CommandKind::store;
    transfer.inward = command.kind == CommandKind::fetch || command.kind == CommandKind::copy_in;
    if (command.kind == CommandKind::fetch) {
      cross(topology_.network_load(command.node, instance, fetches_[transfer.instance]++), 1,
            transfer);
    } else if (command.kind == CommandKind::store) {
      cross(topology_.network_store(instance, command.node, stores_[transfer.instance]++), 1,
            transfer);
    } else {
      const std::int32_t gpus = scenario_.engine.tensor_parallel;
      for (std::int32_t gpu = 0; gpu < gpus; ++gpu) {
        cross(transfer.inward ? topology_.pcie_load(instance, gpu)
                              : topology_.pcie_store(instance, gpu),
              1.0 / gpus, transfer);
      }
    }
    transfer.network ? cap_network(transfer) : cap_pcie(transfer);
  }

private:
  static void cross(std::span<const sim::LinkId> route, double share,
                    analysis::ExplainTransfer& transfer) {
    for (const sim::LinkId id : route) {
      const auto link = static_cast<std::uint32_t>(id);
      const auto known = std::ranges::find(transfer.links, link, &analysis::ExplainCrossing::link);
      if (known == transfer.links.end()) {
        transfer.links.push_back({link, share});
      } else {
        known->share += share;
      }
    }
  }

  void cap_network(analysis::ExplainTransfer& transfer) const {
    const Bytes block = scenario_.instance.block_bytes;
    const models::TransferModel& serving = scenario_.topology.serving_nic;
    const models::TransferModel& storage = scenario_.topology.storage_nic;
    const bool local = scenario_.topology.kind == models::TopologyKind::single_node;
    const double at_storage = storage.rate(block).count();
    const double at_serving = local ? at_storage : serving.rate(block).count();
    const Seconds latency = local ? storage.latency : std::max(serving.latency, storage.latency);
    transfer.cap = std::min(at_storage, at_serving);
    transfer.begin = transfer.posted + to_nanoseconds(scenario_.engine.costs.operation + latency);
    for (const analysis::ExplainCrossing& crossing : transfer.links) {
      const Culprit kind = kind_of_link(topology_.links()[crossing.link].name);
      if ((kind == Culprit::storage_nic && at_storage <= at_serving) ||
          (kind == Culprit::serving_nic && at_serving <= at_storage)) {
        transfer.cap_links.push_back(crossing.link);
      }
    }
  }

  void cap_pcie(analysis::ExplainTransfer& transfer) const {
    const std::int32_t gpus = scenario_.engine.tensor_parallel;
    const models::TransferModel& pcie = scenario_.gpu.pcie;
    const Bytes shard{scenario_.instance.block_bytes.count() / gpus};
    transfer.cap = pcie.rate(shard).count() * gpus;
    transfer.begin =
        transfer.posted + to_nanoseconds(scenario_.engine.costs.operation + pcie.latency);
    for (const analysis::ExplainCrossing& crossing : transfer.links) {
      if (kind_of_link(topology_.links()[crossing.link].name) == Culprit::pcie_lane) {
        transfer.cap_links.push_back(crossing.link);
      }
    }
  }

  const scenarios::Scenario& scenario_;
  sim::Topology topology_;
  std::vector<std::uint64_t> fetches_, stores_;  ///< begun so far, by instance
};

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
    std::map<std::uint64_t, const analysis::RequestRow*> rows;
    for (const analysis::RequestRow& row : run.requests) rows[row.id] = &row;
    for (auto& [id, request] : requests_) {
      const auto row = rows.find(id);
      if (row != rows.end()) {
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
  Paths paths_;
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
