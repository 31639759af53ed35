#include "realrun/engine/realrun.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/input_error.hpp"
#include "realrun/engine/checks.hpp"
#include "realrun/engine/driver.hpp"
#include "realrun/engine/node_checks.hpp"
#include "realrun/engine/parts.hpp"

namespace calvo::realrun {
namespace {

class RealLink final : public NodeLink {
public:
  explicit RealLink(const ConnectOptions& options) : client_(options) {}
  const NodeInfo& info() const override { return client_.info(); }
  void lookup(std::uint64_t tag, std::span<const BlockRun> runs) override {
    client_.lookup(tag, runs);
  }
  void lease(std::uint64_t tag, BlockRun run) override { client_.lease(tag, run); }
  void release(std::uint64_t lease) override { client_.release(lease); }
  void store(std::uint64_t tag, BlockRun run,
             std::span<const std::span<const std::byte>> blocks) override {
    client_.store(tag, run, blocks);
  }
  void poll(std::vector<NodeReply>& out) override { client_.poll(out); }
  std::uint64_t blocks_sent() const override { return client_.blocks_sent(); }
  int fd() const override { return client_.fd(); }
  bool wants_write() const override { return client_.wants_write(); }
  bool alive() const override { return client_.alive(); }

private:
  NodeClient client_;
};

}  // namespace

NodeConfig node_config(const scenarios::Scenario& scenario, std::uint64_t model_seed) {
  NodeConfig config;
  config.block_bytes = scenario.instance.block_bytes.count();
  config.block_tokens = static_cast<std::int32_t>(scenario.instance.block_tokens.count());
  config.model = scenario.model.name;
  config.model_seed = model_seed;
  return config;
}

Parts real_parts(const scenarios::Scenario& scenario, const RealrunOptions& options) {
  const FabricInfo wire = fabric(options.fabric);
  const DeviceInfo kind = device(options.device);
  Parts parts;
  parts.fabric = wire.name;
  parts.make_fabric = wire.make_client;
  parts.make_device = kind.make;
  const NodeConfig config = node_config(scenario, options.model_seed);
  parts.connect = [&options, config](std::size_t node,
                                     const std::stop_token& stop) -> std::unique_ptr<NodeLink> {
    ConnectOptions connect;
    connect.endpoint = options.nodes.at(node);
    connect.key = options.key;
    connect.config = config;
    connect.stop = stop;
    connect.limit = std::max(options.transfer_limit, least_handshake);
    auto link = std::make_unique<RealLink>(connect);
    check_index(link->info(), connect.endpoint, static_cast<std::uint32_t>(node));
    return link;
  };
  for (const Endpoint& node : options.nodes) parts.hosts.push_back(node.host);
  return parts;
}

RealrunResult run_with(scenarios::Scenario& scenario, const RealrunOptions& options,
                       const Parts& parts) {
  check_scenario(scenario, options);
  std::unique_ptr<Driver> driver;
  try {
    driver = std::make_unique<Driver>(scenario, options, parts);
  } catch (const InputError&) {
    throw;
  } catch (const std::runtime_error& error) {  // a node, a fabric or memory that is not to be had
    throw InputError({scenario.file, 0, 0}, "realrun", error.what());
  }
  return driver->run();
}

RealrunResult realrun(scenarios::Scenario& scenario, const RealrunOptions& options) {
  check_scenario(scenario, options);
  return run_with(scenario, options, real_parts(scenario, options));
}

void request_stop() noexcept {
  Driver::request_stop();
}

}  // namespace calvo::realrun
