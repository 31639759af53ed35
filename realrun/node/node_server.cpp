#include "realrun/node/node_server.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "realrun/node/block_pool.hpp"
#include "realrun/node/node_loop.hpp"
#include "realrun/node/pool_memory.hpp"
#include "realrun/node/served_fabrics.hpp"
#include "realrun/node/tally.hpp"
#include "realrun/wire/secret.hpp"

namespace calvo::realrun {
namespace {

InputError wrong(const std::string& problem) {
  return InputError({"kvnode", 0, 0}, "", problem);
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
  return options;
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
        fabrics(options.fabrics, memory.bytes(), {.bind = options.bind}) {
    if (options.preload.synthetic) {
      for (const BlockRun run : options.preload.runs) {
        pool.make_synthetic(run, options.config.model_seed);
      }
    }
    tally.blocks_in_pool = static_cast<std::uint64_t>(pool.stored());
    loop.emplace(options, options.key, pool, fabrics, tally);
  }

  NodeOptions options;
  BlockFormat format;
  PoolMemory memory;
  BlockPool pool;
  Tally tally;
  ServedFabrics fabrics;
  std::optional<NodeLoop> loop;
};

NodeServer::NodeServer(const NodeOptions& options) : impl_(std::make_unique<Impl>(options)) {}
NodeServer::~NodeServer() = default;

std::uint16_t NodeServer::port() const {
  return impl_->loop->port();
}

std::uint16_t NodeServer::metrics_port() const {
  return 0;
}

NodeCounters NodeServer::counters() const {
  return impl_->tally.counters();
}

std::uint64_t NodeServer::pool_bytes() const {
  return impl_->memory.bytes().size();
}

}  // namespace calvo::realrun
