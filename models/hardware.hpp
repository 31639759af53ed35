// The machines of a scenario, as read from YAML: what there is, how fast it is, who says so.
#pragma once

#include <cstdint>
#include <string>

#include "core/units.hpp"
#include "models/transfer_model.hpp"

namespace calvo::models {

/// How copies slow compute and compute slows copies while both run on one GPU. 0: not at all.
struct Interference {
  double copy_slows_compute = 0;  ///< an iteration takes (1 + this) times as long
  double compute_slows_copy = 0;  ///< a PCIe lane carries 1 / (1 + this) of its rate
};

struct GpuSpec {
  std::string name;
  Bytes memory;
  double usable_memory = 0.9;       ///< share that weights and KV may fill (vLLM's default)
  BytesPerSecond memory_bandwidth;  ///< data sheet
  FlopsPerSecond bf16;              ///< data sheet, dense
  std::string
      kernel_tables;  ///< prefix of data/hardware/<prefix>_{gemm,...}.csv.gz; empty: roofline only
  double compute_overhead = 1;  ///< calibrated: engine step time / sum of table times
  TransferModel pcie;           ///< one direction of the GPU's lane
  Interference interference;
};

enum class TopologyKind : std::uint8_t { single_node, star, leaf_spine };

/// The cluster as a graph: storage nodes and serving nodes with NICs behind a network, and on each
/// serving node PCIe switches with GPUs behind the host's DRAM. 0 capacity: not a limit, no link.
struct TopologySpec {
  TopologyKind kind = TopologyKind::star;
  std::int32_t serving_nodes = 1;
  std::int32_t instances_per_node = 1;
  std::int32_t storage_nodes =
      1;  ///< single_node: the pool lies in the node itself, behind `storage_nic`
  std::int32_t nics_per_serving_node = 1;  ///< instances of a node use them in turn
  std::int32_t nics_per_storage_node = 1;
  TransferModel serving_nic;  ///< one direction of one NIC
  TransferModel storage_nic;
  Seconds round_trip{10e-6};    ///< of a small message between any two nodes
  BytesPerSecond host_dram{0};  ///< of a serving node, shared by arriving and leaving copies
  BytesPerSecond storage_dram{0};
  std::int32_t gpus_per_pcie_switch = 0;  ///< 0: every lane goes to the host by itself
  BytesPerSecond pcie_switch{0};          ///< one direction of the switch's up-link
  std::int32_t nodes_per_leaf = 0;        ///< leaf_spine
  std::int32_t spines = 1;                ///< leaf_spine; equal-cost paths, chosen by hash
  double oversubscription = 1;            ///< leaf_spine: NIC capacity below a leaf / its up-links
};

}  // namespace calvo::models
