// The engine's side of the verbs fabric.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <stdexcept>

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/fabrics/client_parts.hpp"
#include "realrun/fabrics/verbs_fabric.hpp"
#include "realrun/fabrics/verbs_peer.hpp"

namespace calvo::realrun::verbs {
namespace {

using transport::Fd;

/// A READ of this size fills a fast link to 98 %, and is small enough that one lost packet costs
/// little: Ethernet NICs of the simple kind send all of a READ again.
constexpr std::size_t slice_bytes = 128 << 10;
constexpr std::size_t most_reads = 256;
/// Before sleeping while reads are in flight: looks in a row, then looks with another thread's turn
/// between them. Counted, not timed: to read the clock of a virtual machine costs more than to
/// look.
constexpr int spins = 32;
constexpr int turns = 64;
/// Empty looks of a thread that only polls between two looks for connections that have ended.
constexpr int looks_per_check = 256;

class Client final : public FabricClient {
public:
  Client() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_ || !bell_) throw system_error("epoll", errno);
    watch(bell_.fd(), bell_tag);
  }

  FabricCaps caps() const override {
    return {.one_sided = true,
            .gpu_memory = every_device_takes_dmabufs(),
            .most_outstanding = most_reads,
            .slice = slice_bytes};
  }

  void register_memory(std::span<std::byte> memory) override {
    CALVO_EXPECT(host_memory_.empty() && peers_.empty());
    host_memory_ = memory;
    // The route of a connection decides on the device; where there is but one, it is known now.
    const auto devices = open_devices();
    if (devices.size() == 1) memory_on(*devices.front());
  }

  bool register_gpu_memory(const GpuMemory& memory) override {
    CALVO_EXPECT(peers_.empty());
    if (!every_device_takes_dmabufs()) return false;
    for (ibv_context* device : open_devices()) {
      if (!memory_on(*device).add(memory)) return false;
    }
    return true;
  }

  PeerId connect(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
                 Nanoseconds limit) override {
    const auto domain_of = [this](ibv_context& device) -> ibv_pd& {
      return memory_on(device).domain();
    };
    Link link = dial(host, offer, ticket, domain_of, transport::deadline_in(limit));
    const LocalMemory& memory = memory_on(*link.id->verbs);
    const QueueLimits limits{
        .reads = most_reads, .slices = link.depth, .slice = slice_bytes, .pool = link.grant.length};
    const std::uint32_t id = ++last_id_;
    const Peer& peer = peers_.try_emplace(id, std::move(link), memory, limits, done_).first->second;
    watch(peer.completion_fd(), tag_of(id, completion_tag));
    watch(peer.event_fd(), tag_of(id, event_tag));
    settle();
    return PeerId{id};
  }

  std::size_t post(PeerId id, std::span<const Read> chain) override {
    if (chain.empty()) return 0;
    CALVO_EXPECT(chain.back().signalled);
    const std::size_t taken = find(id).post(chain);
    settle();
    return taken;
  }

  std::size_t poll(std::span<ReadDone> done) override {
    if (done_.waiting().size() < done.size() && !harvest()) look_around();
    const std::size_t count = done_.fetch(done);
    settle();
    return count;
  }

  void wait(Nanoseconds limit) override {
    if (!done_.empty()) return;
    if (std::ranges::any_of(peers_, [](const auto& entry) { return entry.second.in_flight(); })) {
      for (int look = 0; look < spins; ++look) {
        if (harvest()) return;
      }
      for (int turn = 0; turn < turns; ++turn) {
        ::sched_yield();
        if (harvest()) return;
      }
    }
    arm();
    if (harvest() || !done_.empty()) return;
    if (transport::wait_for(epoll_.get(), POLLIN, transport::deadline_in(limit))) take_events();
  }

  int wait_fd() override {
    watched_ = true;
    settle();
    return epoll_.get();
  }

  void disconnect(PeerId id) override {
    find(id).hang_up();
    peers_.erase(static_cast<std::uint32_t>(id));
    settle();
  }

  std::string comparison(PeerId id) override {
    const Link& link = find(id).link();
    const int outstanding = read_depth(*link.id->verbs).as_reader;
    const std::string options =
        fmt::format("ib_read_bw -R -F -s {} -o {} --report_gbits", slice_bytes, outstanding);
    return fmt::format("on the storage node: {0}; here ({1}): {0} {2}", options,
                       ibv_get_device_name(link.id->verbs->device), link.host);
  }

private:
  enum Tag : std::uint64_t { bell_tag, completion_tag, event_tag };
  static std::uint64_t tag_of(std::uint32_t id, Tag tag) { return std::uint64_t{id} << 2 | tag; }

  LocalMemory& memory_on(ibv_context& device) {
    const auto found = memories_.find(&device);
    if (found != memories_.end()) return found->second;
    LocalMemory& memory = memories_.try_emplace(&device, device).first->second;
    try {
      if (!host_memory_.empty()) memory.add(host_memory_);
    } catch (...) {
      memories_.erase(&device);
      throw;
    }
    return memory;
  }

  Peer& find(PeerId id) {
    const auto found = peers_.find(static_cast<std::uint32_t>(id));
    CALVO_EXPECT(found != peers_.end());
    return found->second;
  }

  bool harvest() {
    bool found = false;
    for (auto& [id, peer] : peers_) found = peer.harvest() || found;
    return found;
  }

  void arm() {
    for (auto& [id, peer] : peers_) peer.arm();
  }

  void look_around() {
    if (!watched_ && ++looks_ % looks_per_check != 0) return;
    take_events();
  }

  void take_events() {
    std::array<epoll_event, 16> events;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      const auto found = peers_.find(static_cast<std::uint32_t>(tag >> 2));
      if (found == peers_.end()) continue;  // the bell
      if ((tag & 3) == completion_tag) found->second.take_wake_up();
      if ((tag & 3) == event_tag) found->second.take_events();
    }
    if (ready > 0) harvest();
  }

  /// Who sleeps on wait_fd() must be woken: by a queue that is armed and empty, or by the bell.
  void settle() {
    if (watched_) {
      arm();
      harvest();
    }
    bell_.set(!done_.empty());
  }

  void watch(int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      throw system_error("epoll_ctl", errno);
    }
  }

  Fd epoll_;
  transport::CompletionBell bell_;
  bool watched_ = false;  ///< somebody sleeps on wait_fd()
  std::span<std::byte> host_memory_;
  std::map<ibv_context*, LocalMemory> memories_;
  transport::Completions done_;
  std::uint32_t looks_ = 0;
  std::uint32_t last_id_ = 0;
  std::map<std::uint32_t, Peer> peers_;
};

}  // namespace

std::unique_ptr<FabricClient> make_client() {
  return std::make_unique<Client>();
}

}  // namespace calvo::realrun::verbs
