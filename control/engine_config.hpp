// A serving engine is a set of switches: every difference between the engines of the literature
// that concerns *when* things happen is a value here, so that a user can change one and see its
// effect. docs/scenario.md says what each means; scenarios/engines/ holds the named rows.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/units.hpp"

namespace calvo::control {

/// `serial`: one request's load, copy and compute at a time. `decoupled`: stages progress alone.
enum class Coupling : std::uint8_t { serial, decoupled };
/// When a request's network loads may begin.
///   in_step       between forming a batch and running it
///   at_admission  when a step reaches the request in the waiting queue and its memory is there
///   first_probe   when a step first looks at the request, whatever memory there is
///   on_arrival    as soon as the lookup has answered
enum class NetworkStart : std::uint8_t { in_step, at_admission, first_probe, on_arrival };
/// When a request's host-to-GPU copies may begin.
///   in_step     inside the step, after the network load; where that comes before the step, the
///               same as at_batch
///   at_batch    when the step that prefills the request is formed; never behind an unfinished load
///   on_landing  block by block as they land in host memory
enum class PcieStart : std::uint8_t { in_step, at_batch, on_landing };
/// When GPU memory for loaded blocks is taken.
///   at_load_begin     all of the request's prompt when its load begins
///   at_network_issue  with each network run (CALVO's proactive reservation); when there is none
///                     left, at the copy
///   at_copy_issue     with each host-to-GPU copy
///   whole_request     prompt and output before anything is loaded
enum class GpuMemory : std::uint8_t {
  at_load_begin,
  at_network_issue,
  at_copy_issue,
  whole_request
};
/// What a stage does when the first request in its order finds no memory.
enum class NoSpace : std::uint8_t { break_, skip, recompute };
/// How much free GPU memory a load needs before it begins: its own, or its own beyond what
/// requests already loading still have to take.
enum class LoadAdmission : std::uint8_t { free, free_minus_reserved };
/// How long a step waits for a request's network load before it uses what has landed.
enum class LoadStop : std::uint8_t { wait, best_effort, timeout };
/// What happens to a request that can no longer meet its deadline, by the estimates: nothing; it
/// goes behind all that can; its load is dropped and its prompt computed.
enum class Late : std::uint8_t { in_order, last, recompute };
/// Whether a network run that a better request overtakes stops at a block boundary.
enum class Cut : std::uint8_t { never, block };
/// Which loads must be over before a prefill step computes.
enum class StepWaitsFor : std::uint8_t { all_loads, own_loads, layers };
/// When the engine notices that a transfer has ended.
enum class CompletionSeen : std::uint8_t { at_event, at_step };
enum class Preempt : std::uint8_t { newest, none };
enum class Write : std::uint8_t { none, through, selective, on_evict };
/// What happens to the hits of a request that is being planned.
enum class Restore : std::uint8_t { load_all, recompute_all, cheaper, soonest };

/// The names of an enum's values as YAML spells them, in the order of the enumerators.
template <class Enum>
std::span<const std::string_view> names();
template <class Enum>
std::string_view name_of(Enum value) {
  return names<Enum>()[static_cast<std::size_t>(value)];
}
/// The value spelled `text`, or nothing.
template <class Enum>
std::optional<Enum> from_name(std::string_view text) {
  const auto all = names<Enum>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

inline constexpr std::int64_t unbounded = std::numeric_limits<std::int64_t>::max();

/// Credit of a stage: what it may have in flight.
struct Window {
  Bytes bytes{unbounded};               ///< posted to the hardware and not yet done, per run
  std::int64_t operations = unbounded;  ///< runs in flight
};

/// Which request goes first in a stage, by name (policies/registry.hpp), and how it ages.
struct OrderChoice {
  std::string policy = "fifo";
  double ageing = 0;  ///< key units (seconds or tokens) that a second of waiting is worth
};

/// Fixed costs of the engine's own software; the driver adds them, estimates include them.
struct FixedCosts {
  Seconds step{0};       ///< host time before each step's first kernel
  Seconds operation{0};  ///< per transfer run, before its first byte
  Seconds lookup{0};     ///< per lookup, beyond the network's round trip
};

struct EngineConfig {
  std::string name = "calvo";
  Coupling coupling = Coupling::decoupled;
  NetworkStart network_start = NetworkStart::on_arrival;
  PcieStart pcie_start = PcieStart::on_landing;
  OrderChoice network_order;
  OrderChoice pcie_order;
  OrderChoice prefill_order;
  GpuMemory gpu_memory = GpuMemory::at_network_issue;
  NoSpace no_space = NoSpace::break_;
  LoadAdmission load_admission = LoadAdmission::free;
  LoadStop load_stop = LoadStop::wait;
  Seconds load_timeout_base{2.0};           ///< load_stop: timeout
  Seconds load_timeout_per_kilotoken{0.1};  ///< load_stop: timeout
  Late late = Late::in_order;
  double late_factor = 1;  ///< late before its load begins: T_load / (what is left for it) >= this
  Cut cut = Cut::block;
  StepWaitsFor step_waits_for = StepWaitsFor::own_loads;
  CompletionSeen completion_seen = CompletionSeen::at_event;
  Seconds idle_poll{1e-3};  ///< completion_seen: at_step while no step runs
  Window network_window{Bytes{64LL << 20}, 2};
  Window pcie_window{Bytes{64LL << 20}, 2};
  std::int64_t run_blocks = unbounded;  ///< blocks of a transfer run, at most
  std::int32_t prefetch_requests = 0;  ///< 0: no bound on requests whose network load has begun and
                                       ///< that have not started to compute
  Preempt preempt = Preempt::newest;
  Write write = Write::through;
  std::int32_t write_threshold = 2;  ///< write: selective, hits before a block is written back
  Window write_window{Bytes{64LL << 20}, 2};
  /// Share of host memory that loads leave to write-back, unless nothing is written back: without
  /// it, loads that wait for GPU memory keep new KV from the pool, and the next turn misses.
  double write_reserve = 0.1;
  Restore restore = Restore::load_all;
  std::int32_t concurrent_prefills = 1;   ///< requests with prefill tokens in one step
  std::int64_t token_budget = unbounded;  ///< tokens a step computes, decodes included
  std::int64_t chunk_tokens = unbounded;  ///< largest part of one prompt in a step
  std::int32_t max_running = 256;         ///< requests in prefill or decode
  std::int32_t tensor_parallel = 1;       ///< GPUs, each with its own PCIe lane and KV shard
  std::int64_t max_leap = unbounded;      ///< identical iterations that one RunStep may name
  bool decode = true;                     ///< false: a request ends with its first token
  FixedCosts costs;
};

/// What one instance owns, in blocks of the scenario's block size.
struct InstanceResources {
  Tokens block_tokens{256};
  Bytes block_bytes;                  ///< of one block, over all layers and GPUs of the instance
  std::int64_t gpu_blocks = 0;        ///< KV capacity of the instance's GPUs together
  std::int64_t host_blocks = 0;       ///< its host tier; 0: no host tier, nothing can be loaded
  std::int32_t storage_nodes = 0;     ///< 0: no remote pool
  std::int64_t storage_extent = 64;   ///< blocks of consecutive ids that lie on one storage node
  std::int32_t storage_replicas = 1;  ///< nodes that each block is stored on, 1..storage_nodes
};

/// The storage node that holds `block`, if any does: extents of consecutive ids, spread by hash.
std::uint32_t storage_node_of(std::uint64_t block, std::int64_t extent, std::int32_t nodes);

}  // namespace calvo::control
