// Every policy that a scenario can name.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "policies/order_policy.hpp"
#include "policies/restore_policy.hpp"
#include "policies/routing_policy.hpp"

namespace calvo::policies {

/// A row of a registry.
template <class Make>
struct Entry {
  std::string_view name;
  std::string_view description;
  Make* make;
};

using MakeOrder = std::unique_ptr<OrderPolicy>(double ageing);
using MakeRouting = std::unique_ptr<RoutingPolicy>();
using MakeRestore = std::unique_ptr<RestorePolicy>();

std::span<const Entry<MakeOrder>> orders();
std::span<const Entry<MakeRouting>> routings();
std::span<const Entry<MakeRestore>> restores();

/// Requires: `name` stands in the table (scenarios/ checks it and suggests the nearest).
std::unique_ptr<OrderPolicy> make_order(std::string_view name, double ageing);
std::unique_ptr<RoutingPolicy> make_routing(std::string_view name);
std::unique_ptr<RestorePolicy> make_restore(std::string_view name);

}  // namespace calvo::policies
