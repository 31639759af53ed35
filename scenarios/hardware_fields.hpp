// Hardware and cluster as YAML. Names are expanded already (scenarios/expand.hpp).
#pragma once

#include "models/hardware.hpp"
#include "models/model_shape.hpp"
#include "scenarios/fields.hpp"

namespace calvo::scenarios {

models::ModelShape read_model(const YamlSection& root);
void write_model(FieldWriter& io, const models::ModelShape& model);

/// GPU, NICs and DRAM: the parts of both structs that stand under "hardware".
void read_hardware(FieldReader& io, FieldContext& context, models::GpuSpec& gpu,
                   models::TopologySpec& topology);
void write_hardware(FieldWriter& io, const models::GpuSpec& gpu,
                    const models::TopologySpec& topology);

/// The shape of the cluster, without its rates.
template <class Io>
void topology_fields(Io& io, models::TopologySpec& topology) {
  const auto count = between<std::int32_t>(1, 1024);  // beyond, routes alone fill the memory
  io.name("kind", topology.kind, "topology");
  io.value("serving_nodes", topology.serving_nodes, count);
  io.value("instances_per_node", topology.instances_per_node, count);
  io.value("storage_nodes", topology.storage_nodes, between<std::int32_t>(0, 1024));
  io.value("nics_per_serving_node", topology.nics_per_serving_node, count);
  io.value("nics_per_storage_node", topology.nics_per_storage_node, count);
  io.value("round_trip", topology.round_trip);
  io.value("gpus_per_pcie_switch", topology.gpus_per_pcie_switch, at_least(std::int32_t{0}));
  if (topology.kind == models::TopologyKind::leaf_spine) {
    io.value("nodes_per_leaf", topology.nodes_per_leaf, count);
    io.value("spines", topology.spines, count);
    io.value("oversubscription", topology.oversubscription, between(1.0, 1000.0));
  }
}

}  // namespace calvo::scenarios
