#include "sim/topology.hpp"

#include "core/contract.hpp"
#include "core/random.hpp"
#include "sim/topology_builder.hpp"

namespace calvo::sim {
namespace {

std::uint64_t hash_of(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return mix_bits(mix_bits(mix_bits(a + 1) + b) + c);
}

}  // namespace

Topology::Topology(const models::TopologySpec& spec, BytesPerSecond pcie,
                   std::int32_t gpus_per_instance)
    : instances_(spec.serving_nodes * spec.instances_per_node),
      instances_per_node_(spec.instances_per_node),
      storage_nodes_(spec.storage_nodes),
      gpus_per_instance_(gpus_per_instance),
      ports_per_serving_node_(spec.nics_per_serving_node),
      ports_per_storage_node_(spec.nics_per_storage_node) {
  CALVO_EXPECT(instances_ > 0 && gpus_per_instance > 0 && spec.storage_nodes >= 0);
  CALVO_EXPECT(spec.nics_per_serving_node > 0 && spec.nics_per_storage_node > 0);
  CALVO_EXPECT(pcie.count() > 0);
  if (spec.kind == models::TopologyKind::single_node) {
    CALVO_EXPECT(spec.serving_nodes == 1);
    ports_per_serving_node_ = 1;
  }
  TopologyBuilder(spec, pcie, *this).build();
}

void Topology::install(FlowNetwork& network) const {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const LinkId id = network.add_link(links_[i].name, links_[i].capacity);
    CALVO_EXPECT(static_cast<std::size_t>(id) == i);
  }
  for (const auto* choices : {&loads_, &stores_, &h2d_, &d2h_}) {
    for (const Choice& choice : *choices) {
      for (std::uint64_t i = 0; i < choice.routes; ++i) {
        network.declare_route(pick(choice, i));
      }
    }
  }
}

std::int32_t Topology::serving_node(InstanceId instance) const {
  CALVO_EXPECT(raw(instance) < static_cast<std::uint32_t>(instances_));
  return static_cast<std::int32_t>(raw(instance)) / instances_per_node_;
}

std::span<const LinkId> Topology::pick(const Choice& choice, std::uint64_t salt) const {
  const auto skip = static_cast<std::size_t>(salt % choice.routes) * choice.links;
  return {hops_.data() + choice.first + skip, choice.links};
}

// An instance has every instances_per_node-th NIC of its node from its own number on; where there
// are fewer NICs than instances, it shares one.
std::size_t Topology::ports_of(StorageId storage, InstanceId instance, std::uint64_t run) const {
  CALVO_EXPECT(raw(storage) < static_cast<std::uint32_t>(storage_nodes_));
  const auto node = static_cast<std::size_t>(serving_node(instance));
  const auto per_node = static_cast<std::size_t>(instances_per_node_);
  const auto serving_ports = static_cast<std::size_t>(ports_per_serving_node_);
  const auto storage_ports = static_cast<std::size_t>(ports_per_storage_node_);
  const std::size_t local = raw(instance) % per_node;
  const std::size_t own =
      local < serving_ports ? (serving_ports - local + per_node - 1) / per_node : 1;
  const std::size_t serving = (local + per_node * (run % own)) % serving_ports;
  const std::size_t from = raw(storage) * storage_ports + run % storage_ports;
  const std::size_t all_serving =
      loads_.size() / (static_cast<std::size_t>(storage_nodes_) * storage_ports);
  return from * all_serving + node * serving_ports + serving;
}

std::span<const LinkId> Topology::network_load(StorageId from, InstanceId to,
                                               std::uint64_t run) const {
  return pick(loads_[ports_of(from, to, run)], hash_of(raw(from), raw(to), run));
}

std::span<const LinkId> Topology::network_store(InstanceId from, StorageId to,
                                                std::uint64_t run) const {
  return pick(stores_[ports_of(to, from, run)], hash_of(raw(from), raw(to), ~run));
}

std::size_t Topology::lane(InstanceId instance, std::int32_t gpu) const {
  CALVO_EXPECT(raw(instance) < static_cast<std::uint32_t>(instances_));
  CALVO_EXPECT(gpu >= 0 && gpu < gpus_per_instance_);
  return raw(instance) * static_cast<std::size_t>(gpus_per_instance_) +
         static_cast<std::size_t>(gpu);
}

std::span<const LinkId> Topology::pcie_load(InstanceId instance, std::int32_t gpu) const {
  return pick(h2d_[lane(instance, gpu)], 0);
}

std::span<const LinkId> Topology::pcie_store(InstanceId instance, std::int32_t gpu) const {
  return pick(d2h_[lane(instance, gpu)], 0);
}

LinkId Topology::h2d_lane(InstanceId instance, std::int32_t gpu) const {
  return pcie_load(instance, gpu).back();
}

LinkId Topology::d2h_lane(InstanceId instance, std::int32_t gpu) const {
  return pcie_store(instance, gpu).front();
}

}  // namespace calvo::sim
