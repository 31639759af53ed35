#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "control/commands.hpp"
#include "control/engine_config.hpp"
#include "control/events.hpp"
#include "control/kv_book.hpp"
#include "models/cost_model.hpp"
#include "policies/routing_policy.hpp"

namespace calvo::control {

/// Sends each arrival to an instance. It knows what it has sent where and what has ended; what an
/// instance has cached it can only guess, from the prompts it sent there (`hints`, bounded by the
/// instance's GPU and host memory).
class Router {
public:
  /// `estimates` outlives the router. Requires: instances > 0.
  Router(std::string_view policy, std::int32_t instances, const InstanceResources& resources,
         const models::CostModel& estimates);

  /// `arrival` leads to a dispatch command; `finished` frees what was counted for the request.
  void handle(std::span<const Event> batch, CommandBuffer& out);

private:
  struct Sent {
    RequestId request{};
    Seconds cost{0};
  };
  struct Peer {
    explicit Peer(std::int64_t blocks) : hints(blocks) {}
    KvBook hints;
    std::vector<Sent> outstanding;
    std::int64_t backlog_ns = 0;
  };

  std::int32_t hinted_blocks(const Peer& peer, const RequestSpec& spec) const;
  void remember(Peer& peer, const RequestSpec& spec);
  void dispatch(const RequestSpec& spec, CommandBuffer& out);

  std::unique_ptr<policies::RoutingPolicy> policy_;
  InstanceResources resources_;
  const models::CostModel* estimates_;
  std::deque<Peer> peers_;
  std::vector<policies::InstanceView> views_;
  std::vector<std::int32_t> hits_;
  std::int64_t sequence_ = 0;
};

}  // namespace calvo::control
