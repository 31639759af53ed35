#include "realrun/node/node_server.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "realrun/node/block_pool.hpp"
#include "realrun/node/node_gate.hpp"
#include "realrun/node/node_loop.hpp"
#include "realrun/node/node_metrics.hpp"
#include "realrun/node/pool_memory.hpp"
#include "realrun/node/served_fabrics.hpp"
#include "realrun/node/tally.hpp"
#include "realrun/wire/secret.hpp"

namespace calvo::realrun {
namespace {

InputError wrong(const std::string& problem) {
  return InputError({"kvnode", 0, 0}, "", problem);
}

/// Pace and the faults of pieces need a fabric that asks before it sends.
void check_gate(const NodeOptions& options) {
  std::string asked = options.pace ? "a pace" : "";
  for (const Fault& fault : options.faults.faults) {
    if (is_of_pieces(fault.kind)) asked = fmt::format("the fault \"{}\"", name_of(fault.kind));
    if (fault.kind == FaultKind::slow && !options.pace) {
      throw wrong("the fault \"slow\" is a share of the pace; set one with --pace");
    }
  }
  if (asked.empty()) return;
  for (const std::string& name : options.fabrics) {
    fabric(name);  // one that is not here is worse
    if (name == "tcp") continue;
    throw wrong(
        fmt::format("{} has no effect over {}, which reads the pool without asking the node; "
                    "use tcp, or shape the link",
                    asked, name));
  }
}

NodeOptions checked(NodeOptions options) {
  if (options.config.block_bytes <= 0 || options.config.block_bytes % 2 != 0) {
    throw wrong(fmt::format("a block of {} bytes; a block has a positive, even number of bytes",
                            options.config.block_bytes));
  }
  if (options.capacity_blocks < 1) {
    throw wrong(
        fmt::format("the pool is too small for one block of {} bytes; give it more capacity",
                    options.config.block_bytes));
  }
  if (options.key.empty()) {
    if (!is_loopback(options.bind)) {
      throw wrong(
          fmt::format("{} can be reached from other machines, so a key is needed; make one "
                      "with calvo kvnode --make-key FILE and give it with --key-file FILE",
                      options.bind));
    }
    options.key = loopback_key();
  }
  if (options.pace && !(options.pace->count() > 0)) throw wrong("a pace is more than nothing");
  check_gate(options);
  return options;
}

std::optional<Pacer> pacer(const NodeOptions& options) {
  if (!options.pace) return std::nullopt;
  return Pacer(*options.pace, options.pace_burst);
}

std::uint64_t pool_size(const BlockFormat& format, std::int64_t blocks) {
  return static_cast<std::uint64_t>(blocks) * static_cast<std::uint64_t>(format.stride());
}

}  // namespace

struct NodeServer::Impl {
  explicit Impl(const NodeOptions& given)
      : options(checked(given)),
        format{options.config.block_bytes},
        memory(pool_size(format, options.capacity_blocks), options.huge_pages, "kvnode"),
        pool(format, options.config.digest_word(), memory.bytes(), options.capacity_blocks),
        gate(pacer(options), FaultPlan(options.faults, format.stride()), tally),
        fabrics(options.fabrics, memory.bytes(), {.bind = options.bind, .gate = &gate}) {
    if (options.preload.synthetic) {
      pool.preload(options.preload.runs, options.config.model_seed);
    }
    tally.blocks_in_pool = static_cast<std::uint64_t>(pool.stored());
    if (options.metrics_port) {
      metrics.emplace(options.bind, *options.metrics_port, tally, options.capacity_blocks,
                      memory.bytes().size());
    }
    loop.emplace(options, options.key, pool, fabrics, gate, tally);
  }
  ~Impl() { gate.stop(); }

  NodeOptions options;
  BlockFormat format;
  PoolMemory memory;
  BlockPool pool;
  Tally tally;
  NodeGate gate;
  ServedFabrics fabrics;
  std::optional<NodeMetrics> metrics;
  std::optional<NodeLoop> loop;
};

NodeServer::NodeServer(const NodeOptions& options) : impl_(std::make_unique<Impl>(options)) {}
NodeServer::~NodeServer() = default;

std::uint16_t NodeServer::port() const {
  return impl_->loop->port();
}

std::uint16_t NodeServer::metrics_port() const {
  return impl_->metrics ? impl_->metrics->port() : 0;
}

NodeCounters NodeServer::counters() const {
  return impl_->tally.counters();
}

std::uint64_t NodeServer::pool_bytes() const {
  return impl_->memory.bytes().size();
}

}  // namespace calvo::realrun
