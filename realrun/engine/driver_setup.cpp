// What a run needs before its first request, and how its threads end.
#include <string>
#include <thread>
#include <utility>

#include "core/contract.hpp"
#include "realrun/engine/driver.hpp"
#include "realrun/engine/node_checks.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t ring_capacity = std::size_t{1} << 14;

template <class T, class Order>
void tell(Ring<T>& ring, const auto& thread, Order order) {
  T item{std::move(order)};
  while (thread.running() && !ring.try_push(item)) std::this_thread::yield();
}

}  // namespace

Driver::Driver(scenarios::Scenario& scenario, const RealrunOptions& options, const Parts& parts)
    : scenario_(scenario),
      options_(options),
      parts_(parts),
      notices_(ring_capacity, bell_),
      connector_(parts, notices_),
      timeline_(scenario.simulation.timeline),
      router_(scenario.routing,
              scenario.topology.serving_nodes * scenario.topology.instances_per_node,
              scenario.instance, *scenario.estimates),
      requests_(scenario.workload->requests()),
      generated_(scenario.workload->requests().size(), 0) {
  const BlockFormat format{scenario.instance.block_bytes.count()};
  const std::uint64_t config = node_config(scenario, options.model_seed).digest_word();
  const std::int32_t instances =
      scenario.topology.serving_nodes * scenario.topology.instances_per_node;
  for (std::int32_t i = 0; i < instances; ++i) add_instance(format, config);
  if (options.metrics_port) metrics_ = std::make_unique<Metrics>(*options.metrics_port);
}

void Driver::add_instance(const BlockFormat& format, std::uint64_t config) {
  const auto index = static_cast<std::uint32_t>(hosts_.size());
  InstanceHost& host = hosts_.emplace_back(scenario_);
  const control::InstanceResources& resources = scenario_.instance;
  KvAddresses::Settings addresses;
  addresses.block_tokens = resources.block_tokens.count();
  addresses.pages = places_for(resources.gpu_blocks, scenario_.engine.max_running);
  addresses.slots = places_for(resources.host_blocks, 0);
  addresses.format = format;
  addresses.stride = format.stride() + (options_.canaries ? Canaries::gap : 0);
  addresses.canaries = options_.canaries;

  DeviceOptions device = options_.device_options;
  device.shape = scenario_.model;
  device.seed = options_.model_seed;
  device.instance = static_cast<std::int32_t>(index);
  device.block_tokens = static_cast<std::int32_t>(addresses.block_tokens);
  device.pages = addresses.pages;
  device.host_bytes = addresses.slots * addresses.stride;
  host.device = parts_.make_device(device);
  addresses.host = host.device->host_memory();
  host.addresses = std::make_unique<KvAddresses>(addresses, host.instance);

  const std::string name = "instance" + std::to_string(index);
  host.gpu_track = timeline_.add_track(name + ".gpu");
  host.pcie_in = timeline_.add_track(name + ".gpu0.pcie.h2d");
  host.pcie_out = timeline_.add_track(name + ".gpu0.pcie.d2h");
  host.nics =
      (scenario_.topology.instances_per_node == 1 ? "serving" + std::to_string(index) : name) +
      ".nic";

  CopySettings copy;
  copy.instance = index;
  copy.format = format;
  copy.config = config;
  copy.layers = scenario_.model.layers;
  copy.window = scenario_.engine.pcie_window.bytes;
  copy.core = options_.device_options.copy_core;
  host.copy =
      std::make_unique<CopyThread>(copy, host.device->copies(), clock_, notices_, host.gate);
  ComputeSettings compute;
  compute.instance = index;
  compute.seed = options_.model_seed;
  compute.block_tokens = addresses.block_tokens;
  compute.vocab = scenario_.model.vocab;
  compute.core = options_.device_options.compute_core;
  host.compute =
      std::make_unique<ComputeThread>(compute, *host.device, clock_, notices_, host.gate);

  if (resources.storage_nodes == 0 || resources.host_blocks == 0) return;
  const auto nodes = static_cast<std::size_t>(resources.storage_nodes);
  for (std::int32_t rail = 0; rail < options_.rails; ++rail) {
    RailSettings settings;
    settings.instance = index;
    settings.rail = static_cast<std::uint32_t>(rail);
    settings.format = format;
    settings.config = config;
    settings.verify = options_.verify;
    settings.limit = options_.transfer_limit;
    settings.window = scenario_.engine.network_window.bytes;
    settings.core = options_.network_core;
    std::vector<std::unique_ptr<NodeLink>> links;
    for (std::size_t node = 0; node < nodes; ++node) {
      links.push_back(parts_.connect(node, {}));
      if (index == 0 && rail == 0) doubt(static_cast<std::uint32_t>(node), links.back()->info());
    }
    const std::string nic = host.nics + std::to_string(rail);
    host.network_in.push_back(timeline_.add_track(nic + ".rx"));
    host.network_out.push_back(timeline_.add_track(nic + ".tx"));
    host.rails.push_back(std::make_unique<Rail>(settings, parts_, addresses.host, std::move(links),
                                                clock_, notices_, host.copy->bell(), connector_));
    host.rail_up.emplace_back(nodes, true);
    host.rail_load.push_back(0);
  }
}

void Driver::doubt(std::uint32_t node, const NodeInfo& info) {
  for (const std::string& text : doubts_about(info, options_.nodes[node], node, scenario_)) {
    complain(text);
  }
}

void Driver::start() {
  started_ = true;
  clock_ = WallClock();
  for (InstanceHost& host : hosts_) {
    host.copy->start();
    host.compute->start();
    for (const auto& rail : host.rails) rail->start();
  }
  std::vector<traces::Due> known = scenario_.workload->start();
  scheduled_ = static_cast<std::int64_t>(known.size());
  ingress_ = std::make_unique<Ingress>(std::move(known), clock_, notices_);
  cpu_before_ = cpu_times();
  ingress_->start(options_.control_core);
}

/// Ends all threads: what is on the wire or being copied ends first, at no pace
/// but the machine's, and then nothing is written.
void Driver::stop() noexcept {
  if (!std::exchange(started_, false)) return;
  notices_.close();
  connector_.stop();
  if (ingress_) tell(ingress_->orders(), *ingress_, Ingress::Order{});
  for (InstanceHost& host : hosts_) {
    if (host.step_cut) host.step_cut->store(true);
    host.device->end_pace();
    for (const auto& rail : host.rails) tell(rail->orders(), *rail, StopOrder{});
    tell(host.copy->orders(), *host.copy, StopOrder{});
    host.gate.open();
    tell(host.compute->orders(), *host.compute, StopOrder{});
  }
  if (ingress_) ingress_->join();
  for (InstanceHost& host : hosts_) {
    for (const auto& rail : host.rails) rail->join();
    host.copy->join();
    host.compute->join();
  }
}

Driver::~Driver() {
  stop();
}

}  // namespace calvo::realrun
