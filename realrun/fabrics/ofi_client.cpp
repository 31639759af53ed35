// The engine's side of the ofi fabric: slices by fi_read, put in order again.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <sched.h>
#include <sys/socket.h>

#include "core/contract.hpp"
#include "realrun/fabrics/client_parts.hpp"
#include "realrun/fabrics/ofi_link.hpp"
#include "realrun/fabrics/ofi_protocol.hpp"
#include "realrun/fabrics/session.hpp"
#include "realrun/wire/bytes.hpp"

namespace calvo::realrun::ofi {
namespace {

using transport::Completions;
using transport::Deadline;
using transport::Fd;
using transport::is_inside;

constexpr std::size_t most_outstanding = 256;
constexpr std::size_t most_slices = 256;
constexpr std::size_t slice_bytes = 1 << 20;
/// A provider may forget to wake us; nothing waits longer than this for it.
constexpr Nanoseconds longest_sleep = std::chrono::milliseconds{2};
/// How long to look for completions before sleeping between looks.
constexpr Nanoseconds patience = std::chrono::milliseconds{1};
constexpr Nanoseconds nap = std::chrono::microseconds{50};

template <class T>
std::span<std::byte> writable(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

/// A provider at one address of ours, with the memory that reads land in.
struct Rail {
  Rail(const std::string& provider, const std::string& address, std::span<std::byte> memory)
      : domain(provider, address), descriptor(domain.register_landing(memory)) {}

  Domain domain;
  void* descriptor;
};

/// An endpoint and what it lives on.
struct Link {
  explicit Link(std::shared_ptr<Rail> on) : rail(std::move(on)), endpoint(rail->domain) {}

  std::shared_ptr<Rail> rail;
  Endpoint endpoint;
};

/// tcp;ofi_rxm of libfabric 1.17 crashes when an endpoint is closed while requests are under way,
/// so they are awaited first. If their node hangs, the endpoint is kept for ever instead: this
/// provider moves bytes only in calls on the endpoint's domain, which nobody makes any more.
constexpr std::string_view not_closed_under_way = "tcp;ofi_rxm";
constexpr Nanoseconds closing_limit = std::chrono::milliseconds{200};

void keep_for_ever(std::unique_ptr<Link> link) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::unique_ptr<Link>>;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(link));
}

/// A connection and the reads that it owes.
class Peer {
public:
  Peer(Fd tether, std::shared_ptr<Rail> rail, const std::string& provider, Completions& done,
       Deadline deadline)
      : tether_(std::move(tether)),
        link_(std::make_unique<Link>(std::move(rail))),
        closed_under_way_(provider != not_closed_under_way),
        done_(done) {
    Hello hello;
    hello.provider = provider_field(provider);
    hello.endpoint = EndpointName::of(link_->endpoint.name());
    if (!transport::send_all(tether_.get(), writable(hello), deadline) ||
        !transport::receive_all(tether_.get(), writable(welcome_), deadline)) {
      throw std::runtime_error("libfabric: the storage node has given no address in time");
    }
    if (welcome_.provider != hello.provider) {
      throw std::runtime_error(fmt::format(
          "the storage node uses libfabric's provider \"{}\", this side \"{}\"; name one on both "
          "sides, for example ofi:tcp;ofi_rxm",
          printable(std::string(provider_in(welcome_.provider))), provider));
    }
    link_->endpoint.insert_peer(welcome_.endpoint.view());
    for (Slice& slice : slices_) free_.push_back(&slice);
  }
  ~Peer() { close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool alive() const { return link_ != nullptr; }
  const Endpoint& endpoint() const { return link_->endpoint; }
  int tether() const { return tether_.get(); }

  std::size_t post(std::span<const Read> chain) {
    if (alive() && has_ended()) end();
    if (!alive()) {
      for (const Read& read : chain) owed_.push_back({read});
      fail(ReadStatus::peer_gone);
      return chain.size();
    }
    const std::size_t taken = std::min(chain.size(), most_outstanding - owed_.size());
    for (const Read& read : chain.first(taken)) {
      owed_.push_back({read});
      const std::size_t size = read.into.size();
      if (size == 0 || size > welcome_.pool_bytes || read.offset > welcome_.pool_bytes - size) {
        owed_.back().status = ReadStatus::refused;
      }
    }
    pump();
    report();
    return taken;
  }

  /// Gives the provider time. False: nothing has happened.
  bool progress() {
    if (!alive()) return false;
    const ssize_t got = collect();
    if (got == -FI_EAGAIN && has_ended()) {
      end();
      return true;
    }
    if (got < 0 && got != -FI_EAGAIN) {
      fail(ReadStatus::peer_gone);
      return true;
    }
    const bool moved = pump();
    report();
    return moved || got != -FI_EAGAIN;
  }

  /// Ends the connection; the reads that it owes come back, the first with `status`.
  void fail(ReadStatus status) {
    close();
    if (failed_) status = ReadStatus::flushed;
    for (const Entry& entry : owed_) {
      done_.push_back({entry.read.cookie, status});
      status = ReadStatus::flushed;
      failed_ = true;
    }
    owed_.clear();
  }

private:
  struct Entry {
    Read read;
    std::size_t posted = 0;  ///< bytes of it
    int under_way = 0;       ///< slices
    ReadStatus status = ReadStatus::ok;
  };
  struct Slice {
    fi_context2 context;  ///< the provider's while the slice is under way
    std::uint64_t number = 0;
  };

  static bool is_refusal(int error) {
    return error == FI_EACCES || error == FI_EPERM || error == FI_EKEYREJECTED ||
           error == FI_ENOKEY || error == FI_EINVAL;
  }

  /// The server says nothing more: what comes is the end of its session.
  bool has_ended() const {
    pollfd watched{tether_.get(), POLLIN, 0};
    return ::poll(&watched, 1, 0) > 0;
  }

  /// Takes what has arrived, then fails.
  void end() {
    while (collect() > 0) {
    }
    report();
    fail(ReadStatus::peer_gone);
  }

  /// Hears of slices that have ended. Returns how many, or an error (-FI_EAGAIN: none).
  ssize_t collect() {
    std::array<fi_cq_entry, 16> entries;
    const ssize_t got = fi_cq_read(link_->endpoint.queue(), entries.data(), entries.size());
    for (ssize_t i = 0; i < got; ++i) {
      settle(entries[static_cast<std::size_t>(i)].op_context, ReadStatus::ok);
    }
    if (got != -FI_EAVAIL) return got;
    fi_cq_err_entry error{};
    fi_cq_readerr(link_->endpoint.queue(), &error, 0);
    settle(error.op_context, is_refusal(error.err) ? ReadStatus::refused : ReadStatus::peer_gone);
    return 1;
  }

  /// From here on nothing lands.
  void close() {
    if (link_ == nullptr) return;
    const Deadline deadline = transport::deadline_in(closing_limit);
    while (!closed_under_way_ && free_.size() < slices_.size()) {
      const ssize_t got = collect();
      if (got == -FI_EAGAIN) sched_yield();
      if ((got < 0 && got != -FI_EAGAIN) || std::chrono::steady_clock::now() > deadline) {
        keep_for_ever(std::move(link_));
      }
      if (link_ == nullptr) break;
    }
    link_.reset();
    tether_.close();
  }

  void settle(void* context, ReadStatus status) {
    if (context == nullptr) {  // the provider does not say which
      if (status != ReadStatus::ok && !owed_.empty()) owed_.front().status = status;
      return;
    }
    auto* slice = static_cast<Slice*>(context);
    Entry& entry = owed_[slice->number - first_number_];
    --entry.under_way;
    if (entry.status == ReadStatus::ok) entry.status = status;
    free_.push_back(slice);
  }

  /// Posts slices while there is room. True: some.
  bool pump() {
    bool some = false;
    while (cursor_ < first_number_ + owed_.size() && !free_.empty()) {
      Entry& entry = owed_[cursor_ - first_number_];
      if (entry.status != ReadStatus::ok) break;  // nothing behind it will be served
      const auto rest = entry.read.into.subspan(entry.posted);
      if (rest.empty()) {
        ++cursor_;
        continue;
      }
      const std::size_t size = std::min(rest.size(), slice_bytes);
      Slice* slice = free_.back();
      slice->number = cursor_;
      const ssize_t result = fi_read(
          link_->endpoint.get(), rest.data(), size, link_->rail->descriptor, link_->endpoint.peer(),
          welcome_.base + entry.read.offset + entry.posted, welcome_.key, &slice->context);
      if (result == -FI_EAGAIN) break;
      if (result != 0) {
        entry.status = ReadStatus::peer_gone;
        break;
      }
      free_.pop_back();
      ++entry.under_way;
      entry.posted += size;
      some = true;
    }
    return some;
  }

  void report() {
    while (!owed_.empty()) {
      const Entry& entry = owed_.front();
      if (entry.status != ReadStatus::ok) return fail(entry.status);
      if (entry.under_way > 0 || entry.posted < entry.read.into.size()) return;
      if (entry.read.signalled) done_.push_back({entry.read.cookie, ReadStatus::ok});
      owed_.pop_front();
      ++first_number_;
      cursor_ = std::max(cursor_, first_number_);
    }
  }

  Fd tether_;
  std::array<Slice, most_slices> slices_ = {};
  std::vector<Slice*> free_;
  std::unique_ptr<Link> link_;
  bool closed_under_way_;
  Welcome welcome_;
  Completions& done_;
  std::deque<Entry> owed_;
  std::uint64_t first_number_ = 0;  ///< of owed_.front()
  std::uint64_t cursor_ = 0;        ///< the first that is not wholly posted
  bool failed_ = false;             ///< somebody has been told
};

class Client final : public FabricClient {
public:
  explicit Client(std::string provider) : provider_(std::move(provider)) {}

  FabricCaps caps() const override {
    return {.one_sided = true,
            .gpu_memory = false,
            .most_outstanding = most_outstanding,
            .slice = slice_bytes};
  }

  void register_memory(std::span<std::byte> memory) override {
    CALVO_EXPECT(memory_.empty() && peers_.empty());
    memory_ = memory;
  }

  PeerId connect(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
                 Nanoseconds limit) override {
    const Deadline deadline = transport::deadline_in(limit);
    Fd tether = transport::enter(host, offer, ticket, deadline);
    const std::string address = transport::local_address(tether);
    std::shared_ptr<Rail> rail = rails_[address];
    if (rail == nullptr) {
      rail = std::make_shared<Rail>(provider_, address, memory_);
      // Where registration takes no time, a rail has one peer, so that nobody else moves its bytes.
      if (rail->descriptor != nullptr) rails_[address] = rail;
    }
    const std::uint32_t id = ++last_id_;
    peers_.emplace(
        id, std::make_unique<Peer>(std::move(tether), std::move(rail), provider_, done_, deadline));
    return PeerId{id};
  }

  std::size_t post(PeerId id, std::span<const Read> chain) override {
    if (chain.empty()) return 0;
    CALVO_EXPECT(chain.back().signalled);
    for (const Read& read : chain) CALVO_EXPECT(is_inside(memory_, read.into));
    return find(id).post(chain);
  }

  std::size_t poll(std::span<ReadDone> done) override {
    if (done_.waiting().size() < done.size()) progress();
    return done_.fetch(done);
  }

  void wait(Nanoseconds limit) override {
    const auto start = std::chrono::steady_clock::now();
    const Deadline deadline = transport::deadline_in(limit);
    while (done_.empty()) {
      if (progress()) continue;
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline) return;
      const auto left = std::chrono::duration_cast<Nanoseconds>(deadline - now);
      if (can_sleep()) {
        sleep_for(std::min(left, longest_sleep));
      } else if (now - start < patience) {
        sched_yield();  // who has to answer may share this core
      } else {
        std::this_thread::sleep_for(std::min(left, nap));
      }
    }
  }

  int wait_fd() override { return -1; }

  void disconnect(PeerId id) override {
    find(id).fail(ReadStatus::flushed);
    peers_.erase(static_cast<std::uint32_t>(id));
  }

private:
  Peer& find(PeerId id) {
    const auto found = peers_.find(static_cast<std::uint32_t>(id));
    CALVO_EXPECT(found != peers_.end());
    return *found->second;
  }

  bool progress() {
    bool moved = false;
    for (const auto& [id, peer] : peers_) moved = peer->progress() || moved;
    return moved;
  }

  bool can_sleep() const {
    return std::ranges::all_of(peers_, [](const auto& entry) {
      return !entry.second->alive() || entry.second->endpoint().may_sleep();
    });
  }

  void sleep_for(Nanoseconds limit) const {
    std::vector<pollfd> watched;
    for (const auto& [id, peer] : peers_) {
      if (!peer->alive()) continue;
      watched.push_back({peer->tether(), POLLIN, 0});
      watched.push_back({peer->endpoint().wait_fd(), POLLIN, 0});
    }
    const timespec time{.tv_sec = 0, .tv_nsec = limit.count()};
    ::ppoll(watched.data(), watched.size(), &time, nullptr);
  }

  std::string provider_;
  std::span<std::byte> memory_;
  Completions done_;
  std::uint32_t last_id_ = 0;
  std::map<std::string, std::shared_ptr<Rail>> rails_;  ///< by our address
  std::map<std::uint32_t, std::unique_ptr<Peer>> peers_;
};

}  // namespace

std::unique_ptr<FabricClient> make_client(const std::string& provider) {
  return std::make_unique<Client>(provider);
}

}  // namespace calvo::realrun::ofi
