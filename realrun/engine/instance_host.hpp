#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/instance.hpp"
#include "core/timeline.hpp"
#include "realrun/engine/compute_thread.hpp"
#include "realrun/engine/copy_thread.hpp"
#include "realrun/engine/kv_addresses.hpp"
#include "realrun/engine/rail.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

/// A transfer that the control plane has ordered: what it holds until it says that it is over.
struct Flight {
  control::CommandKind kind{};
  const RequestSpec* spec = nullptr;  ///< fetch, copy_in
  std::int32_t from = 0;
  std::vector<BlockId> blocks;
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> pages;
  std::shared_ptr<FetchProgress> fetch;
  std::shared_ptr<CopyProgress> copy;
  std::uint32_t rail = 0;  ///< fetch, store
  std::size_t landed = 0;  ///< fetch that timed out: its other slots may still be written
};

/// One serving instance: its control plane, its device, its memory and its threads.
struct InstanceHost {
  InstanceHost(const scenarios::Scenario& scenario)
      : instance(scenario.engine, scenario.instance, *scenario.estimates) {}

  control::Instance instance;
  std::unique_ptr<Device> device;
  std::unique_ptr<KvAddresses> addresses;
  StepGate gate;
  std::unique_ptr<CopyThread> copy;
  std::unique_ptr<ComputeThread> compute;
  std::vector<std::unique_ptr<Rail>> rails;

  std::vector<control::Event> inbox;
  std::unordered_map<std::uint64_t, Flight> flights;  ///< by run
  std::vector<std::int64_t> rail_load;                ///< blocks given to each rail, not yet over
  std::vector<std::vector<bool>> rail_up;             ///< [rail][node]
  std::int64_t staged_pages = 0, staged_slots = 0;    ///< written back after they were evicted

  /// The step under way, to be taken apart when it is over.
  struct Part {
    const RequestSpec* spec = nullptr;
    std::int64_t computed = 0;  ///< tokens with KV after it
    bool decode = false;
  };
  std::vector<Part> step;
  std::shared_ptr<std::atomic<bool>> step_cut;
  bool stepping = false;
  std::vector<const RequestSpec*> prefilled;  ///< whose prompt the last step has completed

  MemoryUse gpu_memory, host_memory;
  std::string nics;  ///< "serving0.nic" of serving0.nic1.rx: a rail stands for a NIC
  std::uint32_t gpu_track = 0, pcie_in = 0, pcie_out = 0;
  std::vector<std::uint32_t> network_in, network_out;  ///< tracks, by rail
};

}  // namespace calvo::realrun
