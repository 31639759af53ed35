// How near a fabric comes to what this machine gives without it, measured in turns in the same run.
// Targets: tcp reads blocks at 90 % of a bare socket reader of the same message size (counter
// `of_bare`, medians of the rounds; a plain sender's thread, a blocking recv, as iperf3 has them);
// ofi over shm at 90 % of bare process_vm_readv. Both sides share this machine's cores, so load
// beside the benchmark lowers both. `cpu_of_bare` is the processor time of both sides, as a
// multiple of that of the bare ones: what a busy machine notices.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/socket.hpp"

namespace calvo::realrun {
namespace {

using Clock = std::chrono::steady_clock;
using transport::Fd;

constexpr std::size_t pool_bytes = 128 << 20;  // beyond the caches
constexpr std::size_t round_bytes = 32 << 20;
constexpr Nanoseconds patience = std::chrono::seconds{30};

std::vector<std::byte>& pool() {
  static std::vector<std::byte> bytes(pool_bytes, std::byte{3});
  return bytes;
}
std::vector<std::byte>& landing() {
  static std::vector<std::byte> bytes(pool_bytes, std::byte{4});
  return bytes;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// What rounds of a kind took, each.
struct Rounds {
  std::vector<double> wall_s;
  std::vector<double> cpu_s;  ///< of all threads of this process

  void run(const std::function<void()>& work) {
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    work();
    wall_s.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    cpu_s.push_back(cpu_seconds() - cpu);
  }
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// A sender's thread that answers each number of messages asked for, and a reader that blocks.
class BareSocket {
public:
  explicit BareSocket(std::size_t message) : message_(message) {
    const Fd listener = transport::listen_on("127.0.0.1", 0);
    const auto soon = transport::deadline_in(patience);
    reader_ = transport::connect_to("127.0.0.1", transport::local_port(listener), soon);
    if (!transport::wait_for(listener.get(), POLLIN, soon)) throw std::runtime_error("accept");
    sender_ = Fd(::accept(listener.get(), nullptr, nullptr));
    ::fcntl(reader_.get(), F_SETFL, 0);
    thread_ = std::thread([this] { send_what_is_asked_for(); });
  }
  ~BareSocket() {
    ::shutdown(reader_.get(), SHUT_RDWR);
    thread_.join();
  }
  BareSocket(const BareSocket&) = delete;
  BareSocket& operator=(const BareSocket&) = delete;

  void read(std::size_t first, std::size_t count) {
    const std::array<std::uint64_t, 2> order = {first, count};
    if (::send(reader_.get(), order.data(), sizeof order, 0) < 0) throw std::runtime_error("send");
    for (std::size_t i = first; i < first + count; ++i) {
      std::byte* into = landing().data() + i * message_ % pool_bytes;
      for (std::size_t got = 0; got < message_;) {
        const ssize_t some = ::recv(reader_.get(), into + got, message_ - got, 0);
        if (some <= 0) throw std::runtime_error("recv");
        got += static_cast<std::size_t>(some);
      }
    }
  }

private:
  void send_what_is_asked_for() {
    std::array<std::uint64_t, 2> order{};
    while (::recv(sender_.get(), order.data(), sizeof order, MSG_WAITALL) == sizeof order) {
      for (std::uint64_t i = order[0]; i < order[0] + order[1]; ++i) {
        const std::byte* from = pool().data() + i * message_ % pool_bytes;
        for (std::size_t put = 0; put < message_;) {
          const ssize_t some = ::send(sender_.get(), from + put, message_ - put, MSG_NOSIGNAL);
          if (some <= 0) return;
          put += static_cast<std::size_t>(some);
        }
      }
    }
  }

  std::size_t message_;
  Fd reader_;
  Fd sender_;
  std::thread thread_;
};

/// A fabric between two threads of this process.
class Reader {
public:
  explicit Reader(const std::string& name) : info_(fabric(name)) {
    server_ = info_.make_server(pool(), ServerOptions{});
    client_ = info_.make_client();
    client_->register_memory(landing());
    const Ticket ticket{{std::byte{7}}};
    peer_ = client_->connect("127.0.0.1", server_->admit(ticket), ticket, patience);
  }
  ~Reader() { client_->disconnect(peer_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Reads so many blocks, `window` at most under way, each signalled.
  void read(std::size_t block, std::size_t first, std::size_t count, std::size_t window) {
    std::vector<Read> chain;
    std::array<ReadDone, 64> done;
    std::size_t posted = 0;
    for (std::size_t ended = 0; ended < count;) {
      chain.clear();
      for (std::size_t i = posted; i < count && i < ended + window; ++i) {
        const std::size_t offset = (first + i) * block % pool_bytes;
        chain.push_back({offset, std::span(landing()).subspan(offset, block), i});
      }
      posted += client_->post(peer_, chain);
      std::size_t some = client_->poll(done);
      if (some == 0) {
        client_->wait(patience);
        some = client_->poll(done);
      }
      for (const ReadDone& one : std::span(done).first(some)) {
        if (one.status != ReadStatus::ok) throw std::runtime_error("a read failed");
      }
      ended += some;
    }
  }

private:
  FabricInfo info_;
  std::unique_ptr<FabricServer> server_;
  std::unique_ptr<FabricClient> client_;
  PeerId peer_{};
};

/// Rounds of ours and of the bare one in turns.
void compare(benchmark::State& state, std::size_t block,
             const std::function<void(std::size_t first, std::size_t count)>& ours,
             const std::function<void(std::size_t first, std::size_t count)>& bare) {
  const std::size_t count = round_bytes / block;
  Rounds our_rounds;
  Rounds bare_rounds;
  std::size_t first = 0;
  ours(0, count);
  bare(0, count);
  for (auto _ : state) {
    our_rounds.run([&] { ours(first, count); });
    bare_rounds.run([&] { bare(first, count); });
    state.SetIterationTime(our_rounds.wall_s.back());
    first += count;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(round_bytes));
  state.counters["of_bare"] = median(bare_rounds.wall_s) / median(our_rounds.wall_s);
  state.counters["bare_GBps"] =
      static_cast<double>(round_bytes) / median(bare_rounds.wall_s) * 1e-9;
  state.counters["cpu_of_bare"] = median(our_rounds.cpu_s) / median(bare_rounds.cpu_s);
}

void tcp_read(benchmark::State& state) {
  const auto block = static_cast<std::size_t>(state.range(0));
  const std::size_t window = std::max<std::size_t>(2, (4 << 20) / block);
  Reader reader("tcp");
  BareSocket socket(block);
  compare(
      state, block,
      [&](std::size_t first, std::size_t count) { reader.read(block, first, count, window); },
      [&](std::size_t first, std::size_t count) { socket.read(first, count); });
}
BENCHMARK(tcp_read)->RangeMultiplier(4)->Range(16 << 10, 4 << 20)->UseManualTime();

/// The limit of shm: the kernel copies from the other process, here from this one.
void copy_by_kernel(std::size_t block, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t offset = i * block % pool_bytes;
    const iovec into{landing().data() + offset, block};
    const iovec from{pool().data() + offset, block};
    if (::process_vm_readv(::getpid(), &into, 1, &from, 1, 0) < 0) {
      throw std::runtime_error("process_vm_readv");
    }
  }
}

void ofi_read(benchmark::State& state, const std::string& provider) {
  std::unique_ptr<Reader> reader;
  try {
    reader = std::make_unique<Reader>("ofi:" + provider);
  } catch (const std::runtime_error& missing) {
    state.SkipWithError(missing.what());
    return;
  }
  const auto block = static_cast<std::size_t>(state.range(0));
  const std::size_t window = std::max<std::size_t>(2, (4 << 20) / block);
  std::optional<BareSocket> socket;
  if (provider != "shm") socket.emplace(block);
  compare(
      state, block,
      [&](std::size_t first, std::size_t count) { reader->read(block, first, count, window); },
      [&](std::size_t first, std::size_t count) {
        socket ? socket->read(first, count) : copy_by_kernel(block, first, count);
      });
}
BENCHMARK_CAPTURE(ofi_read, shm, "shm")->Arg(64 << 10)->Arg(1 << 20)->UseManualTime();
BENCHMARK_CAPTURE(ofi_read, net, "net")->Arg(64 << 10)->Arg(1 << 20)->UseManualTime();
BENCHMARK_CAPTURE(ofi_read, tcp_rxm, "tcp;ofi_rxm")->Arg(64 << 10)->Arg(1 << 20)->UseManualTime();

/// Cost of a read beside its bytes: reads of 64 bytes, 256 under way, a completion each.
void tcp_completion(benchmark::State& state) {
  Reader reader("tcp");
  constexpr std::size_t count = 10'000;
  for (auto _ : state) reader.read(64, 0, count, 256);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(tcp_completion)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

/// One read of a block at a time: its latency.
void tcp_latency(benchmark::State& state) {
  Reader reader("tcp");
  const auto block = static_cast<std::size_t>(state.range(0));
  std::size_t first = 0;
  for (auto _ : state) reader.read(block, first++, 1, 1);
}
BENCHMARK(tcp_latency)->Arg(64)->Arg(64 << 10)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace calvo::realrun

BENCHMARK_MAIN();
