// Connections of a rail: made, mended, lost.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "realrun/engine/rail.hpp"

namespace calvo::realrun {
namespace {

constexpr Nanoseconds most_flushing{60'000'000'000};
/// To a pool that does not answer, the first time.
constexpr Nanoseconds short_connect{200'000'000};
/// Between two attempts that fail, in times that the first of them took.
constexpr std::int64_t pauses_per_attempt = 4;

Nanoseconds pause_after(std::int32_t failures) {
  return failures <= 1 ? Nanoseconds{0} : Nanoseconds{1'000'000} * (1 << std::min(failures - 2, 6));
}

const PoolOffer& offer_of(const NodeInfo& info, const std::string& fabric,
                          const std::string& host) {
  std::string served;
  for (const PoolOffer& offer : info.offers) {
    if (offer.fabric == fabric) return offer;
    served += (served.empty() ? "" : ", ") + offer.fabric;
  }
  throw InputError({"--fabric", 0, 0}, "",
                   "the storage node on " + host + " does not serve \"" + fabric +
                       "\" but: " + served + "; start it with --fabric " + fabric);
}

}  // namespace

void Rail::connect_pool(StorageId id, Nanoseconds limit) {
  Node& it = node(id);
  const std::string& host = parts_.hosts[raw(id)];
  const NodeInfo& info = it.link->info();
  const PoolOffer& offer = offer_of(info, parts_.fabric, host);
  it.peer = fabric_->connect(info.address, offer, info.ticket, limit);
  it.failed = false;
}

/// While it connects, the rail serves nobody: so not for long, unless the node has needed longer
/// before, and not often. Throws as FabricClient::connect() does.
void Rail::reconnect_pool(StorageId id) {
  Node& it = node(id);
  const Instant began = clock_.now();
  const Nanoseconds limit = short_connect * (1 << std::min(it.pool_failures, 10));
  try {
    connect_pool(id, std::min(limit, std::max(settings_.limit, least_handshake)));
  } catch (const std::exception&) {
    ++it.pool_failures;
    it.pause = (clock_.now() - began) * pauses_per_attempt;
    excuse(began);
    throw;
  }
  it.pool_failures = 0;
  it.pause = Nanoseconds{0};
  excuse(began);
}

/// Since then the rail has not listened to its nodes.
void Rail::excuse(Instant since) {
  const Instant now = clock_.now();
  for (Node& it : nodes_) {
    it.blocks.excuse(now - since, now);
    it.answers.excuse(now - since, now);
  }
}

/// The fabric has failed, the node has not: its reads are posted again over a new connection.
void Rail::mend(StorageId id) {
  Node& it = node(id);
  if (it.failed) {
    ++it.failures;
    disconnect(id);
    it.retry = clock_.now() + pause_after(it.failures);
    for (auto fetch = fetches_.begin(); fetch != fetches_.end();) {
      const auto next = std::next(fetch);
      if (fetch->second.order.node == id) {
        fetch->second.posted = fetch->second.landed;
        finish_if_over(fetch);
      }
      fetch = next;
    }
  }
  if (!it.link || it.peer || clock_.now() < it.retry) return;
  try {
    reconnect_pool(id);
  } catch (const std::exception&) {
    lose(id);
    return;
  }
  ++report_.reconnects;
}

/// No byte of any read of the node lands any more when it returns.
void Rail::disconnect(StorageId id) {
  Node& it = node(id);
  it.failed = false;
  if (!it.peer) return;
  const Instant began = clock_.now();
  fabric_->disconnect(*it.peer);
  const Instant limit = clock_.now() + most_flushing;
  while (it.outstanding > 0) {
    if (poll_fabric() == 0) fabric_->wait(Nanoseconds{100'000});
    CALVO_ENSURE(clock_.now() < limit);
  }
  it.peer.reset();
  it.failed = false;
  excuse(began);
}

/// The node is given up, with all that was asked of it, until it answers again.
void Rail::lose(StorageId id) {
  Node& it = node(id);
  if (!it.link) return;
  std::vector<RunId> draining;
  for (auto fetch = fetches_.begin(); fetch != fetches_.end();) {
    const auto next = std::next(fetch);
    if (fetch->second.order.node == id) {
      draining.push_back(fetch->second.order.run);
      end(fetch, control::TransferStatus::timeout);
    }
    fetch = next;
  }
  for (auto store = stores_.begin(); store != stores_.end();) {
    const auto next = std::next(store);
    if (store->second.order.node == id) finish_store(store, control::TransferStatus::timeout);
    store = next;
  }
  std::vector<std::uint64_t> lookups;
  std::erase_if(calls_, [&](const auto& entry) {
    const Call& call = entry.second;
    if (call.node != id) return false;
    if (call.kind == Call::Kind::lookup) lookups.push_back(call.serial);
    return true;
  });
  for (const std::uint64_t serial : lookups) {
    const auto lookup = lookups_.find(serial);
    if (--lookup->second.open == 0) finish_lookup(lookup);
  }
  tell_state(id, control::EventKind::node_down);
  disconnect(id);
  for (const RunId run : draining) {
    control::Event drained;
    drained.kind = control::EventKind::drained;
    drained.run = run;
    tell(drained, Instant{});
  }
  it.link.reset();
  connector_.request(id, orders_, it.pause);
}

void Rail::tell_state(StorageId id, control::EventKind kind) {
  Notice notice;
  notice.kind = Notice::Kind::rail;
  notice.instance = settings_.instance;
  notice.rail = settings_.rail;
  notice.event.kind = kind;
  notice.event.node = id;
  notices_.push(std::move(notice));
}

}  // namespace calvo::realrun
