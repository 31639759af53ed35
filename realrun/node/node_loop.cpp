#include "realrun/node/node_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

/// An engine that does not take its answers gets no more of them made.
constexpr std::size_t most_unsent = 4 << 20;
constexpr std::chrono::milliseconds a_while{50};

/// False: errno says why not. The system has bounds on how much may be watched.
bool can_watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

std::string cannot_watch() {
  return fmt::format(
      "the system watches no more descriptors: {}; raise sysctl fs.epoll.max_user_watches",
      std::strerror(errno));
}

Bytestring config_body(const NodeConfig& config) {
  Bytestring body;
  encode(config, body);
  return body;
}

}  // namespace

NodeLoop::NodeLoop(const NodeOptions& options, Bytestring key, BlockPool& pool,
                   ServedFabrics& fabrics, NodeGate& gate, Tally& tally)
    : options_(options),
      key_(std::move(key)),
      pool_(pool),
      fabrics_(fabrics),
      gate_(gate),
      tally_(tally),
      port_(options.port),
      config_(options.config.digest()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !stop_) {
    throw InputError(
        {"kvnode", 0, 0}, "",
        fmt::format("no file descriptors left: {}; raise ulimit -n", std::strerror(errno)));
  }
  if (!can_watch(epoll_.get(), stop_.get(), EPOLLIN))
    throw InputError({"kvnode", 0, 0}, "", cannot_watch());
  listen();
  thread_ = std::thread([this] { run(); });
}

NodeLoop::~NodeLoop() {
  const std::uint64_t one = 1;
  const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  CALVO_EXPECT(written == sizeof one);
  thread_.join();
}

void NodeLoop::listen() {
  try {
    listener_ = transport::listen_on(options_.bind, port_);
    if (port_ == 0) port_ = transport::local_port(listener_);  // else read by other threads by now
  } catch (const std::runtime_error& error) {
    throw InputError({"kvnode", 0, 0}, "", error.what());
  }
  if (!can_watch(epoll_.get(), listener_.get(), EPOLLIN))
    throw InputError({"kvnode", 0, 0}, "", cannot_watch());
}

void NodeLoop::run() {
  std::array<epoll_event, 64> events;
  for (bool stopped = false; !stopped;) {
    if (!suffer_faults()) {
      stopped = transport::wait_for(stop_.get(), POLLIN, Clock::now() + wait_limit());
      continue;
    }
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(wait_limit().count()));
    if (!accepting_) accepting_ = can_watch(epoll_.get(), listener_.get(), EPOLLIN);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == stop_.get()) {
        stopped = true;
      } else if (event.data.fd == listener_.get()) {
        accept_peers();
      } else if (const auto peer = peers_.find(event.data.fd); peer != peers_.end()) {
        try {
          serve(peer, event.events);
        } catch (const std::bad_alloc&) {
          refuse(peer->second, "there is no memory left for what it asks");
          close(peer);
        }
      }
    }
    cut_slow_peers();
  }
  close_all();
}

std::chrono::milliseconds NodeLoop::wait_limit() const {
  const Time now = Clock::now();
  Time next = now + std::chrono::minutes{1};
  next = std::min(next, gate_.at(gate_.plan().next_change(gate_.now())));
  if (!dead_ && !hung_) {
    for (const auto& [socket, peer] : peers_) next = std::min(next, peer.deadline);
    if (!accepting_) next = std::min(next, now + a_while);
  } else if (dead_ && !gate_.plan().dead(gate_.now())) {
    next = std::min(next, now + a_while);  // its port was not to be had again
  }
  return std::max(std::chrono::milliseconds{0},
                  std::chrono::ceil<std::chrono::milliseconds>(next - now));
}

bool NodeLoop::suffer_faults() {
  const Seconds now = gate_.now();
  const bool hung = gate_.plan().hung(now);
  if (hung && !hung_) ++tally_.faults;
  hung_ = hung;
  const bool dead = gate_.plan().dead(now);
  if (dead && !dead_) die();
  if (!dead && dead_) come_back();
  return !dead_ && !hung_;
}

void NodeLoop::die() {
  dead_ = true;
  ++tally_.faults;
  listener_.close();
  accepting_ = true;
  gate_.wake();
  close_all();
  fabrics_.close();
}

void NodeLoop::come_back() {
  try {
    fabrics_.open();
    listen();
    dead_ = false;
  } catch (const std::runtime_error&) {  // tried again in a while: something else has the port
    listener_.close();
    fabrics_.close();
  }
}

void NodeLoop::accept_peers() {
  constexpr int most_at_once = 16;  // the rest after those that are connected had their turn
  for (int accepted = 0; accepted < most_at_once; ++accepted) {
    transport::Fd socket(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        accepting_ = false;  // they wait in the queue until there is room
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    transport::send_small_messages_at_once(socket);
    transport::send_before_bulk(socket);
    keep_alive(socket.get());
    ++tally_.connections;
    const int fd = socket.get();
    NodeHandshake handshake({key_, config_, random_nonce(), protocol_version},
                            config_body(options_.config));
    Peer& peer = peers_
                     .try_emplace(fd, std::move(socket), std::move(handshake),
                                  static_cast<std::uint64_t>(pool_.format().used()))
                     .first->second;
    peer.name = peer_name(fd);
    peer.deadline = Clock::now() + options_.handshake_limit;
    peer.watched = EPOLLIN;
    ++tally_.open_connections;
    if (!can_watch(epoll_.get(), fd, EPOLLIN)) {
      refuse(peer, cannot_watch());
      close(peers_.find(fd));
      continue;
    }
    const auto unproved = [](const Peers::value_type& entry) { return !entry.second.session; };
    if (std::ranges::count_if(peers_, unproved) > options_.most_unproved) {
      auto oldest = peers_.end();
      for (auto it = peers_.begin(); it != peers_.end(); ++it) {
        if (unproved(*it) &&
            (oldest == peers_.end() || it->second.deadline < oldest->second.deadline)) {
          oldest = it;
        }
      }
      ++tally_.refused_handshakes;
      refuse(oldest->second, "too many connections at once that have not proved the key");
      close(oldest);
    }
  }
}

void NodeLoop::cut_slow_peers() {
  const Time now = Clock::now();
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    const auto next = std::next(peer);
    if (peer->second.deadline <= now) {
      if (!peer->second.last_words) {
        ++tally_.refused_handshakes;
        refuse(peer->second, "it has not proved the key in time");
      }
      close(peer);
    }
    peer = next;
  }
}

void NodeLoop::serve(Peers::iterator peer, std::uint32_t events) {
  Peer& it = peer->second;
  const bool ended = (events & (EPOLLHUP | EPOLLERR)) != 0;
  bool alive = true;
  if (it.last_words || is_full(it)) {
    alive = !ended;
  } else if (ended || (events & EPOLLIN) != 0) {
    alive = receive(it.socket.get(), it.parser) != Received::gone;
  }
  bool more = true;  // calls have come that had to wait until answers had gone
  while (alive && more) {
    alive = take_calls(it) && it.out.flush(it.socket.get());
    more = it.held_back && !is_full(it);
  }
  if (!alive || (it.last_words && it.out.empty())) {
    close(peer);
    return;
  }
  watch(it);
}

bool NodeLoop::is_full(const Peer& peer) {
  return peer.out.size() > most_unsent;
}

/// As many as it takes answers for.
bool NodeLoop::take_calls(Peer& peer) {
  while (true) {
    peer.held_back = is_full(peer);
    if (peer.last_words || peer.held_back) return true;
    Frame frame;
    switch (peer.parser.next(frame)) {
      case FrameParser::Next::nothing:
        return true;
      case FrameParser::Next::malformed:
        ++tally_.malformed_frames;
        refuse(peer, "what it sends is not calvo's protocol");
        return false;
      case FrameParser::Next::frame:
        if (!take(peer, frame)) return false;
    }
  }
}

bool NodeLoop::take(Peer& peer, const Frame& frame) {
  if (!peer.session) return shake_hands(peer, frame);
  if (peer.session->take(frame, peer.out.tail())) return true;
  ++tally_.malformed_frames;
  refuse(peer, "it sent a call that makes no sense");
  return false;
}

bool NodeLoop::shake_hands(Peer& peer, const Frame& frame) {
  switch (peer.handshake.take(frame, peer.out.tail())) {
    case NodeHandshake::State::proved:
      try {
        admit(peer);
        return true;
      } catch (const std::runtime_error& error) {  // a fabric that has run out of something
        fabrics_.revoke(peer.ticket);
        refuse(peer, fmt::format("it cannot be given access to the pool: {}", error.what()));
        return false;
      }
    case NodeHandshake::State::failed:
      break;
    default:
      return true;
  }
  ++tally_.refused_handshakes;
  switch (peer.handshake.fault()) {
    case HandshakeFault::other_version:
      refuse(peer,
             fmt::format("it speaks version {} of the protocol and this node {}; run the same "
                         "calvo on both sides",
                         peer.handshake.other_version(), protocol_version));
      break;
    case HandshakeFault::wrong_key:
      refuse(peer, "it has another key; give both sides the same --key-file");
      break;
    case HandshakeFault::other_config:
      refuse(peer, "it has the key and another configuration; start both from the same scenario");
      break;
    default:
      ++tally_.malformed_frames;
      refuse(peer, "what it sends is not calvo's handshake");
      return false;
  }
  peer.last_words = true;
  return true;
}

void NodeLoop::admit(Peer& peer) {
  random_bytes(peer.ticket.bytes);
  WelcomeBody body;
  body.capacity_blocks = pool_.capacity();
  body.stored_blocks = pool_.stored();
  body.slot_stride = pool_.format().stride();
  body.pool_bytes = static_cast<std::uint64_t>(pool_.capacity()) *
                    static_cast<std::uint64_t>(pool_.format().stride());
  if (options_.index) body.index = static_cast<std::int32_t>(*options_.index);
  if (options_.preload.synthetic) body.preloaded = digest_of(options_.preload.runs);
  body.written_blocks = tally_.stored_blocks;
  std::ranges::copy(peer.ticket.bytes, body.ticket);
  for (PoolOffer& offer : fabrics_.admit(peer.ticket)) {
    body.offers.push_back({std::move(offer.fabric), std::move(offer.blob)});
  }
  Bytestring bytes;
  encode(body, bytes);
  peer.handshake.welcome(bytes, peer.out.tail());
  peer.parser.expect(FrameSource::engine_calls);
  peer.deadline = Time::max();
  peer.session = std::make_unique<Session>(
      pool_, tally_,
      SessionOptions{options_.config.digest_word(), options_.config.model_seed,
                     options_.synthetic_on_demand});
}

void NodeLoop::watch(Peer& peer) {
  const bool deaf = is_full(peer) || peer.last_words;
  const std::uint32_t wanted = (deaf ? 0U : EPOLLIN) | (peer.out.empty() ? 0U : EPOLLOUT);
  if (wanted == peer.watched) return;
  epoll_event event{};
  event.events = wanted;
  event.data.fd = peer.socket.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.socket.get(), &event);
  peer.watched = wanted;
}

void NodeLoop::close(Peers::iterator peer) {
  if (peer->second.session) {
    fabrics_.revoke(peer->second.ticket);  // before its leases end and their slots are used again
    peer->second.session->close();
  }
  peers_.erase(peer);
  --tally_.open_connections;
}

void NodeLoop::close_all() {
  while (!peers_.empty()) close(peers_.begin());
}

void NodeLoop::refuse(const Peer& peer, const std::string& why) {
  if (options_.notice) options_.notice(fmt::format("refused {}: {}", peer.name, why));
}

}  // namespace calvo::realrun
