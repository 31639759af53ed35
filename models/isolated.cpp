#include "models/isolated.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::models {

namespace {

// 0 stands for "not a limit".
BytesPerSecond tighter(BytesPerSecond rate, BytesPerSecond limit) {
  return limit.count() > 0 ? std::min(rate, limit) : rate;
}

// A path through both models at once: the slower one at every size.
TransferModel in_series(const TransferModel& a, const TransferModel& b) {
  TransferModel both;
  both.latency = std::max(a.latency, b.latency);
  both.per_operation = std::max(a.per_operation, b.per_operation);
  both.bandwidth = std::min(a.bandwidth, b.bandwidth);
  for (const TransferModel* model : {&a, &b}) {
    for (const CurvePoint& point : model->curve) {
      both.curve.push_back({point.size, std::min(a.rate(point.size), b.rate(point.size))});
    }
  }
  std::ranges::sort(both.curve, {}, &CurvePoint::size);
  const auto repeated = std::ranges::unique(both.curve, {}, &CurvePoint::size);
  both.curve.erase(repeated.begin(), repeated.end());
  return both;
}

Seconds times(double count, Seconds each) {
  return count * each;
}

// Latency of a stage that moves `blocks`: of every run where they go one by one.
Seconds stage_latency(const LoadPath& path, Seconds latency, std::int64_t blocks) {
  if (blocks == 0) return Seconds{0};
  const std::int64_t runs =
      path.runs_in_flight > 1 ? 1 : (blocks + path.blocks_per_run - 1) / path.blocks_per_run;
  return times(static_cast<double>(runs), latency + path.operation_cost);
}

}  // namespace

LoadPath make_load_path(const TopologySpec& topology, const GpuSpec& gpu,
                        std::int32_t tensor_parallel) {
  CALVO_EXPECT(tensor_parallel >= 1);
  LoadPath path;
  if (topology.kind == TopologyKind::single_node) {
    path.network = topology.storage_nic;
  } else {
    path.network = in_series(topology.serving_nic, topology.storage_nic);
    path.nics = std::max(1, topology.nics_per_serving_node / topology.instances_per_node);
  }
  path.network.bandwidth = tighter(path.network.bandwidth, topology.storage_dram);
  if (topology.kind == TopologyKind::leaf_spine && topology.oversubscription > 1 &&
      topology.nodes_per_leaf > 0) {
    // Equal paths over `spines` up-links: one flow has one of them.
    const double below = topology.nodes_per_leaf * topology.nics_per_serving_node *
                         topology.serving_nic.bandwidth.count();
    path.network.bandwidth =
        tighter(path.network.bandwidth,
                BytesPerSecond{below / topology.oversubscription / std::max(1, topology.spines)});
  }
  path.pcie = gpu.pcie;
  path.pcie.bandwidth = tighter(path.pcie.bandwidth, topology.pcie_switch);
  path.lanes = tensor_parallel;
  path.host_dram = topology.host_dram;
  path.round_trip = topology.round_trip;
  return path;
}

BlockTimes block_times(const LoadPath& path) {
  CALVO_EXPECT(path.block_bytes.count() > 0);
  CALVO_EXPECT(path.lanes >= 1);
  const Bytes shard{(path.block_bytes.count() + path.lanes - 1) / path.lanes};
  BytesPerSecond network = path.network.rate(path.block_bytes);
  BytesPerSecond pcie{path.pcie.rate(shard).count() * path.lanes};
  return {path.block_bytes / tighter(network, path.host_dram),
          path.block_bytes / tighter(pcie, path.host_dram)};
}

Seconds load_time(const LoadPath& path, std::int64_t remote_blocks, std::int64_t host_blocks,
                  LoadOverlap overlap) {
  CALVO_EXPECT(remote_blocks >= 0 && host_blocks >= 0);
  const std::int64_t blocks = remote_blocks + host_blocks;
  if (blocks == 0) return Seconds{0};
  BlockTimes each = block_times(path);
  const std::int64_t runs = (remote_blocks + path.blocks_per_run - 1) / path.blocks_per_run;
  const std::int64_t side_by_side = std::min<std::int64_t>({path.nics, path.runs_in_flight, runs});
  if (side_by_side > 1) {
    each.network =
        std::max(each.network / static_cast<double>(side_by_side),
                 path.host_dram.count() > 0 ? path.block_bytes / path.host_dram : Seconds{0});
  }
  const double remote = static_cast<double>(remote_blocks);
  const double all = static_cast<double>(blocks);
  const Seconds network_latency = stage_latency(path, path.network.latency, remote_blocks);
  const Seconds pcie_latency = stage_latency(path, path.pcie.latency, blocks);
  if (overlap == LoadOverlap::serial) {
    return network_latency + times(remote, each.network) + pcie_latency + times(all, each.pcie);
  }
  Seconds landed = times(all, each.pcie);
  if (remote_blocks > 0) {
    Seconds remote_landed = network_latency + std::max(each.network + times(remote, each.pcie),
                                                       times(remote, each.network) + each.pcie);
    if (path.host_dram.count() > 0) {
      // Each remote block crosses the DRAM twice while both stages work.
      remote_landed = std::max(remote_landed,
                               network_latency + 2 * remote * (path.block_bytes / path.host_dram));
    }
    landed = std::max(landed, remote_landed);
  }
  return pcie_latency + landed;
}

Seconds prefill_time(const LoadPath& path, const ComputeModel& compute, Tokens new_tokens,
                     Tokens context) {
  CALVO_EXPECT(new_tokens.count() >= 1);
  const Tokens chunk = path.chunk_tokens.count() > 0 ? path.chunk_tokens : new_tokens;
  Seconds total{0};
  for (Tokens done{0}; done < new_tokens;) {
    const Tokens part = std::min(chunk, new_tokens - done);
    total += path.step_cost + compute.prefill(part, context + done);
    done += part;
  }
  return total;
}

IsolatedTtft isolated_ttft(const LoadPath& path, const ComputeModel& compute, Tokens input,
                           std::int64_t hit_blocks) {
  CALVO_EXPECT(input.count() >= 1);
  CALVO_EXPECT(hit_blocks >= 0 && hit_blocks * path.block_tokens.count() <= input.count());
  const Tokens hit{std::min(hit_blocks * path.block_tokens.count(), input.count() - 1)};
  IsolatedTtft ttft;
  ttft.lookup = path.round_trip + path.lookup_cost;
  ttft.load = load_time(path, hit_blocks, 0);
  ttft.prefill = prefill_time(path, compute, input - hit, hit);
  return ttft;
}

}  // namespace calvo::models
