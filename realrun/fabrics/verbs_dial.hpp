// The way from an offer to a connected queue pair.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/socket.hpp"
#include "realrun/fabrics/verbs_claim.hpp"
#include "realrun/fabrics/verbs_handles.hpp"

namespace calvo::realrun::verbs {

/// A reliable connection over which one pool can be read.
struct Link {
  EventChannel events;  ///< of this connection alone
  CmId id;
  CompletionChannel completions;
  CompletionQueue queue;
  QueuePair pair;
  Grant grant;
  std::size_t depth = 0;  ///< work requests that fit
  std::string host;       ///< as dialled
};

/// Gives the protection domain for a device once it is known: the route decides on it.
using DomainOf = std::function<ibv_pd&(ibv_context&)>;

/// Connects and proves the ticket. Throws std::runtime_error: unreachable, refused, too late.
Link dial(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
          const DomainOf& domain_of, transport::Deadline deadline);

}  // namespace calvo::realrun::verbs
