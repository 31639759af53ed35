// The engine's side of the tcp fabric. Headers and payloads of many reads come in with one call,
// each payload straight into its slot: only this thread ever writes there.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/fabrics/client_parts.hpp"
#include "realrun/fabrics/session.hpp"
#include "realrun/fabrics/tcp_protocol.hpp"

namespace calvo::realrun::tcp {
namespace {

using transport::CompletionBell;
using transport::Completions;
using transport::Fd;
using transport::is_inside;

constexpr std::size_t most_outstanding = 256;
constexpr std::size_t reads_a_call = 32;
/// Calls to a socket in one poll(), so that a fast peer does not keep the others waiting.
constexpr int most_calls = 4;
constexpr std::uint32_t bell_id = 0;  // no peer has it

/// A connection and the reads that it owes.
class Peer {
public:
  Peer(Fd socket, Completions& done) : socket_(std::move(socket)), done_(done) {}

  int fd() const { return socket_.get(); }
  bool alive() const { return static_cast<bool>(socket_); }
  bool wants_to_send() const { return alive() && sent_ < outgoing_.size(); }

  std::size_t post(std::span<const Read> chain) {
    if (!alive()) {
      for (const Read& read : chain) owed_.push_back(read);
      fail(ReadStatus::peer_gone);
      return chain.size();
    }
    const std::size_t taken = std::min(chain.size(), most_outstanding - owed_.size());
    for (const Read& read : chain.first(taken)) {
      const Request request{read.offset, read.into.size(), next_number_++};
      const auto bytes = std::as_bytes(std::span(&request, 1));
      outgoing_.insert(outgoing_.end(), bytes.begin(), bytes.end());
      owed_.push_back(read);
    }
    send();
    return taken;
  }

  void send() {
    while (wants_to_send()) {
      const ssize_t sent = ::send(fd(), outgoing_.data() + sent_, outgoing_.size() - sent_,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) {
        // What has arrived before the end may still be read, so the end is seen there.
        outgoing_.clear();
        sent_ = 0;
        return;
      }
      sent_ += static_cast<std::size_t>(sent);
    }
    outgoing_.clear();
    sent_ = 0;
  }

  void receive() {
    for (int call = 0; call < most_calls && alive(); ++call) {
      std::array<iovec, 2 * reads_a_call> parts;
      const auto [count, wanted] = scatter(parts);
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      const ssize_t got = ::recvmsg(fd(), &message, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0 || owed_.empty()) return fail(ReadStatus::peer_gone);
      advance(static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < wanted) return;
    }
  }

  /// Ends the connection; the reads that it owes come back, the first with `status`.
  void fail(ReadStatus status) {
    socket_.close();
    if (failed_) status = ReadStatus::flushed;
    for (const Read& read : owed_) {
      done_.push_back({read.cookie, status});
      status = ReadStatus::flushed;
      failed_ = true;
    }
    owed_.clear();
  }

private:
  struct Scattered {
    std::size_t parts = 0;
    std::size_t bytes = 0;
  };

  /// Where the next bytes go: header and slot of each read that is owed, in order.
  Scattered scatter(std::span<iovec> parts) {
    Scattered result;
    const auto add = [&](void* where, std::size_t size) {
      if (size == 0) return;
      parts[result.parts++] = {where, size};
      result.bytes += size;
    };
    if (owed_.empty()) {
      add(&replies_[0], 1);  // only its end can come
      return result;
    }
    const std::size_t reads = std::min(owed_.size(), reads_a_call);
    for (std::size_t i = 0; i < reads; ++i) {
      const std::size_t skip = i == 0 ? arrived_ : 0;
      const std::size_t header = std::min(skip, sizeof(Reply));
      const std::size_t payload = skip - header;
      add(reinterpret_cast<std::byte*>(&replies_[i]) + header, sizeof(Reply) - header);
      add(owed_[i].into.data() + payload, owed_[i].into.size() - payload);
    }
    return result;
  }

  void advance(std::size_t got) {
    std::size_t index = 0;
    while (got > 0) {
      const std::size_t whole = sizeof(Reply) + owed_[index].into.size();
      const std::size_t before = arrived_;
      const std::size_t step = std::min(got, whole - arrived_);
      arrived_ += step;
      got -= step;
      if (arrived_ < sizeof(Reply)) break;
      if (before < sizeof(Reply)) {
        const ReadStatus status = check(replies_[index], owed_[index].into.size(), index);
        if (status != ReadStatus::ok) {
          finish(index);
          return fail(status);
        }
      }
      if (arrived_ < whole) break;
      arrived_ = 0;
      ++index;
    }
    finish(index);
    if (index > 0 && arrived_ > 0) replies_[0] = replies_[index];
  }

  ReadStatus check(const Reply& reply, std::size_t length, std::size_t index) const {
    if (reply.number != first_number_ + index) return ReadStatus::peer_gone;
    if (reply.status == Reply::refused && reply.length == 0) return ReadStatus::refused;
    if (reply.status != Reply::ok || reply.length != length) return ReadStatus::peer_gone;
    return ReadStatus::ok;
  }

  /// The first `count` that are owed have come.
  void finish(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (owed_.front().signalled) done_.push_back({owed_.front().cookie, ReadStatus::ok});
      owed_.pop_front();
    }
    first_number_ += count;
  }

  Fd socket_;
  Completions& done_;
  std::deque<Read> owed_;
  std::uint64_t first_number_ = 0;  ///< of owed_.front()
  std::uint64_t next_number_ = 0;
  std::size_t arrived_ = 0;  ///< bytes of the header and payload of owed_.front()
  std::vector<std::byte> outgoing_;
  std::size_t sent_ = 0;
  std::array<Reply, reads_a_call> replies_ = {};
  bool failed_ = false;  ///< somebody has been told
};

class Client final : public FabricClient {
public:
  Client() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_ || !bell_) {
      throw std::runtime_error(
          fmt::format("epoll: {}; raise the limit of open files (ulimit -n)", strerror(errno)));
    }
    watch(EPOLL_CTL_ADD, bell_.fd(), bell_id, EPOLLIN);
  }

  FabricCaps caps() const override {
    return {
        .one_sided = false, .gpu_memory = false, .most_outstanding = most_outstanding, .slice = 0};
  }

  void register_memory(std::span<std::byte> memory) override {
    CALVO_EXPECT(memory_.empty() && peers_.empty());
    memory_ = memory;
  }

  PeerId connect(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
                 Nanoseconds limit) override {
    Fd socket = transport::enter(host, offer, ticket, transport::deadline_in(limit));
    const std::uint32_t id = ++last_id_;
    watch(EPOLL_CTL_ADD, socket.get(), id, EPOLLIN);
    peers_.try_emplace(id, std::move(socket), done_);
    return PeerId{id};
  }

  std::size_t post(PeerId id, std::span<const Read> chain) override {
    if (chain.empty()) return 0;
    CALVO_EXPECT(chain.back().signalled);
    for (const Read& read : chain) CALVO_EXPECT(is_inside(memory_, read.into));
    Peer& peer = find(id);
    const std::size_t taken = peer.post(chain);
    if (peer.wants_to_send()) watch_for_sending(static_cast<std::uint32_t>(id), peer);
    ring();
    return taken;
  }

  std::size_t poll(std::span<ReadDone> done) override {
    if (done_.waiting().size() < done.size()) collect();
    const std::size_t count = done_.fetch(done);
    ring();
    return count;
  }

  void wait(Nanoseconds limit) override {
    if (done_.empty()) transport::wait_for(epoll_.get(), POLLIN, transport::deadline_in(limit));
  }

  int wait_fd() override { return epoll_.get(); }

  void disconnect(PeerId id) override {
    find(id).fail(ReadStatus::flushed);
    peers_.erase(static_cast<std::uint32_t>(id));
    ring();
  }

private:
  Peer& find(PeerId id) {
    const auto found = peers_.find(static_cast<std::uint32_t>(id));
    CALVO_EXPECT(found != peers_.end());
    return found->second;
  }

  void collect() {
    std::array<epoll_event, 16> events;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < ready; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const auto found = peers_.find(event.data.u32);
      if (found == peers_.end()) continue;  // the bell
      Peer& peer = found->second;
      if ((event.events & EPOLLOUT) != 0) {
        peer.send();
        if (!peer.wants_to_send()) watch(EPOLL_CTL_MOD, peer.fd(), found->first, EPOLLIN);
      }
      if ((event.events & ~EPOLLOUT) != 0) peer.receive();
    }
  }

  void watch_for_sending(std::uint32_t id, const Peer& peer) {
    watch(EPOLL_CTL_MOD, peer.fd(), id, EPOLLIN | EPOLLOUT);
  }

  void watch(int operation, int fd, std::uint32_t id, unsigned events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = id;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
      throw std::runtime_error(fmt::format("epoll_ctl: {}", strerror(errno)));
    }
  }

  /// Keeps the bell, and so wait_fd(), readable while completions wait to be fetched.
  void ring() { bell_.set(!done_.empty()); }

  Fd epoll_;
  CompletionBell bell_;
  std::span<std::byte> memory_;
  Completions done_;
  std::uint32_t last_id_ = bell_id;
  std::map<std::uint32_t, Peer> peers_;
};

}  // namespace

std::unique_ptr<FabricClient> make_client() {
  return std::make_unique<Client>();
}

}  // namespace calvo::realrun::tcp

namespace calvo::realrun {

FabricInfo tcp_fabric() {
  return {"tcp", "plain sockets, on any machine; the storage node's CPU sends each block",
          std::nullopt, tcp::make_client, tcp::make_server};
}

}  // namespace calvo::realrun
