// The way of a request through an empty cluster, in closed form: the unit of relative deadlines,
// and the simulator's oracle for a request that is alone.
#pragma once

#include <cstdint>

#include "core/units.hpp"
#include "models/compute_model.hpp"
#include "models/hardware.hpp"
#include "models/transfer_model.hpp"

namespace calvo::models {

/// What a load meets on its way from the remote pool into GPU memory, and what the engine adds.
/// A *run* moves up to `blocks_per_run` blocks of one storage node, in order.
struct LoadPath {
  TransferModel network;        ///< storage node -> host memory, over one NIC
  std::int32_t nics = 1;        ///< of the instance: runs in flight take them in turn
  TransferModel pcie;           ///< host memory -> one GPU
  std::int32_t lanes = 1;       ///< GPUs of the instance: a block is cut into as many shards,
                                ///< each copied over its own PCIe lane
  BytesPerSecond host_dram{0};  ///< shared by arriving blocks and copies; 0: not a limit
  Tokens block_tokens{256};
  Bytes block_bytes;  ///< of one block, over all layers and GPUs
  std::int64_t blocks_per_run = 64;
  std::int64_t runs_in_flight = 2;  ///< 1: every run pays its latency; more: only the first does
  Seconds round_trip{0};            ///< of the lookup's message
  Seconds lookup_cost{0};           ///< engine, per lookup beyond the round trip
  Seconds operation_cost{0};        ///< engine, per run, before its first byte
  Seconds step_cost{0};             ///< engine, host time before a step's first kernel
  Tokens chunk_tokens{0};           ///< largest part of a prompt in a step; 0: all of it
};

/// Path between the storage nodes and a GPU of `topology`: the network runs at the smallest of
/// serving NIC, storage NIC and (where given) DRAM and leaf up-link rates, with the larger latency
/// of the two NICs; in a single node it is the storage NIC alone. Block size, run length and
/// engine costs are the caller's to fill in.
LoadPath make_load_path(const TopologySpec& topology, const GpuSpec& gpu,
                        std::int32_t tensor_parallel);

/// Time per block of each stage on the idle path.
struct BlockTimes {
  Seconds network{0};
  Seconds pcie{0};
};
BlockTimes block_times(const LoadPath& path);

/// Time from the first transfer's issue until the last of `remote + host` blocks lies in GPU
/// memory, stages working at the same time (`pipelined`) or one after the other (`serial`).
/// With tn, tp the block times, R remote and H host blocks and L the latencies, pipelined is
///
///   Lp + max((H + R) tp, Ln + max(tn + R tp, R tn + tp))
///
/// that is N max(tn, tp) + min(tn, tp) for a load that is all remote. 0 when there is nothing.
enum class LoadOverlap : std::uint8_t { pipelined, serial };
Seconds load_time(const LoadPath& path, std::int64_t remote_blocks, std::int64_t host_blocks,
                  LoadOverlap overlap = LoadOverlap::pipelined);

/// Time to compute `new_tokens` over `context`, in chunks, each a step with its fixed cost.
Seconds prefill_time(const LoadPath& path, const ComputeModel& compute, Tokens new_tokens,
                     Tokens context);

struct IsolatedTtft {
  Seconds lookup{0};
  Seconds load{0};
  Seconds prefill{0};
  Seconds total() const { return lookup + load + prefill; }
};

/// TTFT of a request of `input` tokens whose leading `hit_blocks` blocks all lie in the remote
/// pool, on an empty cluster at full rates with a decoupled, pipelined engine. At least one token
/// is always computed. Requires: input >= 1; hit_blocks * block_tokens <= input.
IsolatedTtft isolated_ttft(const LoadPath& path, const ComputeModel& compute, Tokens input,
                           std::int64_t hit_blocks);

}  // namespace calvo::models
