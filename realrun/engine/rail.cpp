#include "realrun/engine/rail.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t ring_capacity = 4096;
/// Posted to one peer at a time, at most: enough to keep any pipe full.
constexpr std::int64_t posted_bytes = 2 << 20;
/// Between two looks at a fabric that cannot wake a sleeper.
constexpr Nanoseconds look_again{100'000};

}  // namespace

Rail::Rail(const RailSettings& settings, const Parts& parts, std::span<std::byte> memory,
           std::vector<std::unique_ptr<NodeLink>> links, const WallClock& clock,
           NoticeRing& notices, Doorbell& copy_thread, Connector& connector)
    : settings_(settings),
      parts_(parts),
      clock_(clock),
      notices_(notices),
      copy_thread_(copy_thread),
      connector_(connector),
      orders_(ring_capacity, bell_),
      fabric_(parts.make_fabric()) {
  const std::int64_t block = settings.format.used();
  std::int64_t most_posted = posted_bytes / block;
  const std::int64_t most = fabric_->caps().most_outstanding;
  if (most > 0) most_posted = std::min(most_posted, most);
  run_window_ = std::max<std::int64_t>(1, settings.window.count() / block);
  fabric_->register_memory(memory);
  for (std::unique_ptr<NodeLink>& link : links) {
    nodes_.emplace_back(std::move(link), most_posted);
    connect_pool(StorageId{static_cast<std::uint32_t>(nodes_.size() - 1)},
                 std::max(settings_.limit, least_handshake));
  }
}

void Rail::start() {
  worker_.start("rail" + std::to_string(settings_.instance) + "." + std::to_string(settings_.rail),
                settings_.core, notices_, [this] { work(); });
}

void Rail::work() {
  while (!stopping_) {
    const Instant looked = clock_.now();  // what has come before is heard below
    take_orders();
    poll_links();
    while (poll_fabric() > 0) {
    }
    find_the_silent(looked);
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      mend(StorageId{i});
      pump(StorageId{i});
    }
    if (!stopping_) sleep();
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    disconnect(StorageId{i});
    nodes_[i].link.reset();
  }
  report_.reading = reading_.total(clock_.now());
  report_.storing = storing_.total(clock_.now());
}

void Rail::take_orders() {
  inbox_.clear();
  orders_.drain(inbox_);
  for (RailOrder& next : inbox_) {
    std::visit([this](auto& it) { order(std::move(it)); }, next);
  }
}

void Rail::order(CutOrder cut) {
  const auto serial = fetch_of_run_.find(raw(cut.run));
  if (serial == fetch_of_run_.end()) return;  // it has just ended
  const auto fetch = fetches_.find(serial->second);
  fetch->second.cut = true;
  finish_if_over(fetch);
}

void Rail::order(Connected connected) {
  Node& back = node(connected.node);
  CALVO_EXPECT(!back.link);
  back.link = std::move(connected.link);
  back.failures = 0;
  try {
    reconnect_pool(connected.node);
  } catch (const std::exception& error) {  // gone again, or unfit: the connector goes on
    if (dynamic_cast<const InputError*>(&error) != nullptr) complain(notices_, error.what());
    back.link.reset();
    connector_.request(connected.node, orders_, back.pause);
    return;
  }
  ++report_.reconnects;
  tell_state(connected.node, control::EventKind::node_up);
}

void Rail::poll_links() {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].link) continue;
    replies_.clear();
    nodes_[i].link->poll(replies_);
    if (!replies_.empty()) nodes_[i].answers.heard(clock_.now());
    for (const NodeReply& reply : replies_) answer(reply);
    if (!nodes_[i].link) continue;
    if (const std::uint64_t sent = nodes_[i].link->blocks_sent(); sent != nodes_[i].blocks_sent) {
      nodes_[i].blocks_sent = sent;
      nodes_[i].answers.heard(clock_.now());
    }
    if (!nodes_[i].link->alive()) lose(StorageId{i});
  }
}

/// Loses nodes of which too long nothing was heard before `now`.
void Rail::find_the_silent(Instant now) {
  wanted_.assign(nodes_.size(), {});
  for (const auto& [serial, fetch] : fetches_) {
    if (fetch.open_leases == 0) wanted_[raw(fetch.order.node)].blocks = true;
  }
  for (const auto& [tag, call] : calls_) wanted_[raw(call.node)].answers = true;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    Node& it = nodes_[i];
    it.blocks.waits(wanted_[i].blocks, now);
    it.answers.waits(wanted_[i].answers, now);
    if (it.silent_until(settings_.limit) > now) continue;
    ++report_.timeouts;
    lose(StorageId{i});
  }
}

void Rail::sleep() {
  bell_.arm();
  if (!orders_.empty()) {
    bell_.disarm();
    return;
  }
  Instant next = never;
  std::vector<pollfd> fds;
  std::int64_t outstanding = 0;
  for (const Node& it : nodes_) {
    if (!it.link) continue;
    next = std::min(next, it.silent_until(settings_.limit));
    outstanding += it.outstanding;
    if (!it.peer) next = std::min(next, it.retry);
    const int events = POLLIN | (it.link->wants_write() ? POLLOUT : 0);
    fds.push_back({it.link->fd(), static_cast<short>(events), 0});
  }
  const int fabric = fabric_->wait_fd();
  if (fabric >= 0) fds.push_back({fabric, POLLIN, 0});
  Nanoseconds limit = next == never ? Nanoseconds::max() : next - clock_.now();
  if (fabric < 0 && outstanding > 0) {
    fabric_->wait(std::min(limit, look_again));
    limit = Nanoseconds{0};
  }
  bell_.sleep(limit, fds);
}

void Rail::tell(const control::Event& event, Instant began) {
  Notice notice;
  notice.kind = Notice::Kind::event;
  notice.instance = settings_.instance;
  notice.rail = settings_.rail;
  notice.event = event;
  notice.began = began;
  notice.ended = clock_.now();
  notices_.push(std::move(notice));
}

}  // namespace calvo::realrun
