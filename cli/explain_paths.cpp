#include "cli/explain_paths.hpp"

#include <algorithm>
#include <string_view>

namespace calvo::cli {
namespace {

using analysis::Culprit;
using control::CommandKind;

Culprit kind_of_link(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (has(".dram")) return Culprit::dram;
  if (has(".pcie_switch")) return Culprit::pcie_switch;
  if (has(".pcie.")) return Culprit::pcie_lane;
  if (has(".spine")) return Culprit::fabric;
  return name.starts_with("storage") ? Culprit::storage_nic : Culprit::serving_nic;
}

}  // namespace

ExplainPaths::ExplainPaths(const scenarios::Scenario& scenario)
    : scenario_(scenario),
      topology_(scenario.topology, scenario.gpu.pcie.bandwidth, scenario.engine.tensor_parallel),
      fetches_(static_cast<std::size_t>(topology_.instances())),
      stores_(fetches_.size()) {}

std::vector<analysis::ExplainLink> ExplainPaths::links() const {
  std::vector<analysis::ExplainLink> links;
  for (const sim::LinkInfo& link : topology_.links()) {
    links.push_back({link.name, kind_of_link(link.name), link.capacity});
  }
  return links;
}

void ExplainPaths::describe(const control::Command& command, analysis::ExplainTransfer& transfer) {
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

void ExplainPaths::cross(std::span<const sim::LinkId> route, double share,
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

void ExplainPaths::cap_network(analysis::ExplainTransfer& transfer) const {
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

void ExplainPaths::cap_pcie(analysis::ExplainTransfer& transfer) const {
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

}  // namespace calvo::cli
