#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "models/table_compute_model.hpp"
#include "scenarios/derive.hpp"

namespace calvo::scenarios {
namespace {

constexpr std::int64_t most_blocks = std::numeric_limits<std::int32_t>::max();  // pages and slots

// Bytes as a person reads them; to_text would give every digit.
std::string about(double bytes) {
  return fmt::format("{:.4g} GiB", bytes / 0x1p30);
}
std::string about(Bytes bytes) {
  const auto count = static_cast<double>(bytes.count());
  return count < 0x1p30 ? fmt::format("{:.4g} MiB", count / 0x1p20) : about(count);
}

// The place of a size that may have been left to its default.
[[noreturn]] void fail_at_size(const YamlSection& root, std::string_view key,
                               const std::string& problem) {
  if (root.is_map("memory")) root.section("memory").fail(key, problem);
  throw InputError(root.pos(), "memory." + std::string(key), problem);
}

// KV bytes that the instance's GPUs have beside the weights.
double whole_gpu(const Draft& draft, const YamlSection& root) {
  const auto gpus = static_cast<double>(draft.engine.tensor_parallel);
  const double usable = static_cast<double>(draft.gpu.memory.count()) * draft.gpu.usable_memory;
  const auto weights = static_cast<double>(draft.model.weight_bytes().count());
  if (usable * gpus <= weights) {
    root.fail("model",
              fmt::format("\"{}\" does not fit: its weights take {}, {} x {} give {}; set "
                          "engine.tensor_parallel to at least {}, or a GPU with more memory",
                          draft.model.name, about(weights), draft.engine.tensor_parallel,
                          draft.gpu.name, about(usable * gpus),
                          static_cast<std::int64_t>(std::floor(weights / usable)) + 1));
  }
  return usable * gpus - weights;
}

// A size that the user gives must leave room for the weights.
void check_gpu(const Draft& draft, const YamlSection& root, double kv_bytes) {
  const double all = static_cast<double>(draft.gpu.memory.count()) *
                     static_cast<double>(draft.engine.tensor_parallel);
  const auto weights = static_cast<double>(draft.model.weight_bytes().count());
  if (kv_bytes + weights <= all) return;
  fail_at_size(root, "gpu",
               fmt::format("{} of KV and {} of weights are more than {} x {} have, {}; lower it, "
                           "write auto, or raise engine.tensor_parallel",
                           about(kv_bytes), about(weights), draft.engine.tensor_parallel,
                           draft.gpu.name, about(all)));
}

std::int64_t blocks_in(const Draft& draft, const YamlSection& root, std::string_view key,
                       const TierSize& size, Bytes block) {
  if (size.kind == TierSize::Kind::blocks) return size.blocks;
  const double bytes = size.kind == TierSize::Kind::whole ? whole_gpu(draft, root)
                                                          : static_cast<double>(size.bytes.count());
  const auto blocks = static_cast<std::int64_t>(bytes / static_cast<double>(block.count()));
  if (blocks == 0) {
    fail_at_size(root, key,
                 fmt::format("a block of {} tokens takes {}, more than the tier's {}; lower "
                             "block_tokens or give the tier more memory",
                             draft.block_tokens.count(), about(block),
                             about(Bytes{static_cast<std::int64_t>(bytes)})));
  }
  if (blocks > most_blocks) {
    fail_at_size(
        root, key,
        fmt::format("is {} blocks of {}, more than the {} that a tier can have; write less, "
                    "or raise block_tokens",
                    blocks, about(block), most_blocks));
  }
  return blocks;
}

// Only a step that comes upon a load can stop waiting for it.
void check_load_stop(const control::EngineConfig& engine, const YamlSection& root) {
  using control::NetworkStart;
  if (engine.load_stop == control::LoadStop::wait) return;
  if (engine.network_start != NetworkStart::in_step &&
      engine.pcie_start != control::PcieStart::on_landing) {
    return;
  }
  root.section("engine").fail(
      "load_stop", fmt::format("\"{}\" has no effect on this engine; write wait, or set pcie_start "
                               "to at_batch and network_start to on_arrival",
                               name_of(engine.load_stop)));
}

}  // namespace

control::InstanceResources derive_instance(const Draft& draft, const YamlSection& root) {
  if (const auto problem = models::split_problem(draft.model, draft.engine.tensor_parallel)) {
    root.section("engine").fail("tensor_parallel", *problem);
  }
  check_load_stop(draft.engine, root);
  control::InstanceResources instance;
  instance.block_tokens = draft.block_tokens;
  instance.block_bytes =
      draft.block_tokens.count() * draft.model.kv_bytes_per_token(draft.engine.tensor_parallel);
  instance.gpu_blocks = blocks_in(draft, root, "gpu", draft.memory.gpu, instance.block_bytes);
  if (instance.gpu_blocks == 0) {
    fail_at_size(root, "gpu", "no GPU memory for KV; give a size or \"auto\"");
  }
  check_gpu(
      draft, root,
      static_cast<double>(instance.gpu_blocks) * static_cast<double>(instance.block_bytes.count()));
  instance.host_blocks = blocks_in(draft, root, "host", draft.memory.host, instance.block_bytes);
  instance.storage_nodes = draft.topology.storage_nodes;
  instance.storage_extent = draft.memory.storage_extent;
  instance.storage_replicas = draft.memory.storage_replicas;
  if (instance.storage_replicas > std::max(instance.storage_nodes, 1)) {
    fail_at_size(root, "storage_replicas",
                 fmt::format("\"{}\" copies of a block need as many storage nodes, and there are "
                             "{}; lower it, or raise topology.storage_nodes",
                             instance.storage_replicas, instance.storage_nodes));
  }
  if (instance.host_blocks == 0 && instance.storage_nodes > 0 &&
      draft.engine.restore != control::Restore::recompute_all) {
    fail_at_size(root, "host",
                 fmt::format("engine \"{}\" loads from the remote pool through host memory, and "
                             "there is none; give a size like 64 GiB, or set engine.restore to "
                             "recompute_all",
                             draft.engine.name));
  }
  return instance;
}

std::int64_t derive_remote_blocks(const Draft& draft, const YamlSection& root, Bytes block_bytes) {
  if (draft.topology.storage_nodes == 0) return 0;
  const std::int64_t blocks = blocks_in(draft, root, "remote", draft.memory.remote, block_bytes);
  if (blocks == 0) {
    fail_at_size(root, "remote",
                 "no memory on the storage nodes; give a size like 512 GiB, or set "
                 "topology.storage_nodes to 0");
  }
  return blocks;
}

}  // namespace calvo::scenarios
