// The simulator's driver: carries out the control plane's commands in virtual time and delivers
// its events. Knows no policy; decides nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "control/instance.hpp"
#include "control/request_book.hpp"
#include "control/router.hpp"
#include "control/storage_node.hpp"
#include "control/storage_placement.hpp"
#include "core/run_result.hpp"
#include "core/timeline.hpp"
#include "scenarios/scenario.hpp"
#include "sim/event_recorder.hpp"
#include "sim/gpu_executor.hpp"
#include "sim/simulate.hpp"
#include "sim/topology.hpp"
#include "sim/transfers.hpp"
#include "sim/world.hpp"

namespace calvo::sim {

/// One simulation. Borrows the scenario and the world.
class Cluster final : public WorldHandler, public TransferOwner {
public:
  Cluster(scenarios::Scenario& scenario, World& world, const SimulateOptions& options);

  RunResult run();

private:
  enum Kind : std::uint32_t {
    arrival,
    lookup,
    step_end,
    control_timer,
    transfer,
    time_limit,
    fault
  };

  struct Step {
    RunId run{};
    control::Gate gate = control::Gate::none;
    bool waiting = false;  ///< for the copies of its requests, layer by layer
    Instant formed{};
    Instant first_copy{};  ///< of those copies: when the earliest began
    std::int64_t iterations = 1;
    std::int64_t decodes = 0;
    Tokens decode_context;
    std::vector<models::PrefillPart> parts;
    std::vector<RequestId> requests;
  };

  struct Host {  // one serving instance and its hardware
    explicit Host(const scenarios::Scenario& scenario)
        : instance(scenario.engine, scenario.instance, *scenario.estimates) {}
    control::Instance instance;
    GpuExecutor gpu;
    Step step;
    std::vector<control::Event> inbox;
    std::int64_t copies = 0;   ///< flowing over its lanes now
    std::vector<bool> missed;  ///< by storage node: it has been told that the node is down
    MemoryUse gpu_memory, host_memory;
    std::uint32_t gpu_track = 0;
    Nanoseconds prompt_time{0};  ///< in steps that computed part of a prompt
  };

  struct PendingLookup {
    std::uint32_t host = 0;
    RunId run{};
    RequestId request{};
    std::int32_t from = 0, to = 0;
  };

  // WorldHandler
  void on_events(Instant date, std::span<const WorldEvent> events) override;
  // TransferOwner
  void transfer_done(const Transfer& transfer) override;
  void copies_changed(std::uint32_t host, std::int64_t flowing) override;

  void preload();
  bool work_left() const;
  [[noreturn]] void refuse_longer() const;
  void translate(const WorldEvent& event);
  void schedule_arrivals();
  void post(std::uint32_t host, const control::Event& event);
  void deliver();
  void execute(std::uint32_t host);
  void execute(std::uint32_t host, const control::Command& command);
  std::int32_t stored_prefix(const control::PlacedRun& piece) const;
  std::int32_t lookup_end(const PendingLookup& lookup) const;
  void end_request(const control::Command& command);

  // cluster_steps.cpp
  void start_step(std::uint32_t host, const control::Command& command);
  void launch_step(std::uint32_t host);
  void launch_gated();
  void schedule_step(std::uint32_t host);
  void step_over(std::uint32_t host);
  double noise();

  // cluster_faults.cpp
  void schedule_faults();
  void fault_changes(const scenarios::Fault& changed);
  void scale_nics(std::int32_t node, double factor);
  void tell_up(StorageId node);
  void note_timeout(std::uint32_t host, StorageId node);

  // cluster_report.cpp
  RunResult collect();

  scenarios::Scenario& scenario_;
  World& world_;
  const SimulateOptions& options_;
  Topology topology_;
  Timeline timeline_;
  std::deque<control::StorageNode> storage_;
  std::vector<MemoryUse> storage_memory_;
  control::Router router_;
  std::deque<Host> hosts_;
  Transfers transfers_;
  EventRecorder recorder_;
  std::vector<traces::Due> arrivals_;  ///< known ones, by date; [next_arrival_, ...) not yet due
  std::size_t next_arrival_ = 0;
  std::vector<traces::Due> follow_ups_;
  std::vector<control::Event> router_inbox_;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> launch_if_loaded_;  ///< hosts whose gated step may have its last copy
  std::vector<PendingLookup> lookups_;
  std::vector<std::uint32_t> free_lookups_;
  control::CommandBuffer commands_;
  control::RequestBook requests_;
  RunResult result_;
  std::int64_t batches_ = 0;
  std::uint64_t noise_draws_ = 0;
  std::uint32_t arrival_version_ = 0;
};

}  // namespace calvo::sim
