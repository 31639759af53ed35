// What the verbs client costs: its reads against a bare loop of READs over a queue pair of the same
// process, with the same sizes and as many in flight. Where there is no RDMA device it says so; see
// tests/rdma-vm for one:
//   tests/rdma-vm -- build/release/verbs_bench
// CALVO_FABRIC_BIND: the address of the device to use; --addresses lists those there are.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <sched.h>

#include "realrun/fabrics/verbs.hpp"
#include "realrun/fabrics/verbs_dial.hpp"
#include "realrun/fabrics/verbs_fabric.hpp"
#include "realrun/fabrics/verbs_memory.hpp"

namespace calvo::realrun::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t pool_bytes = 64 << 20;
constexpr Nanoseconds patience = std::chrono::seconds{60};

/// Both ways to the same pool, each with memory of its own.
class Rig {
public:
  Rig() : address_(address()) {
    server_ = make_server(pool_, {.bind = address_, .port = 0, .gate = nullptr});
    const auto domain_of = [this](ibv_context& device) -> ibv_pd& {
      bare_registered_ = std::make_unique<LocalMemory>(device);
      bare_registered_->add(bare_memory_);
      return bare_registered_->domain();
    };
    link_ = dial(address_, server_->admit(ticket_), ticket_, domain_of,
                 transport::deadline_in(patience));
    client_ = make_client();
    client_->register_memory(client_memory_);
    peer_ = client_->connect(address_, server_->admit(ticket_), ticket_, patience);
    slice_ = static_cast<std::size_t>(client_->caps().slice);
    std::printf("%s\n", client_->comparison(peer_).c_str());
  }

  /// Reads the first `bytes` of the pool, `block` at a time.
  Seconds read_bare(std::size_t bytes, std::size_t block) {
    const std::size_t piece = std::min(block, slice_);
    const std::size_t count = bytes / piece;
    const auto start = Clock::now();
    std::size_t posted = 0;
    for (std::size_t done = 0; done < count;) {
      for (; posted < count && posted - done < link_.depth; ++posted)
        post_bare(posted * piece, piece);
      std::array<ibv_wc, 16> completions;
      const int found = ibv_poll_cq(link_.queue.get(), completions.size(), completions.data());
      for (int i = 0; i < found; ++i) {
        if (completions[static_cast<std::size_t>(i)].status != IBV_WC_SUCCESS) fail();
      }
      if (found == 0) ::sched_yield();  // the device may be software, on this CPU
      done += static_cast<std::size_t>(std::max(found, 0));
    }
    return Clock::now() - start;
  }

  Seconds read_by_client(std::size_t bytes, std::size_t block) {
    const std::size_t count = bytes / block;
    std::vector<Read> reads;
    for (std::size_t i = 0; i < count; ++i) {
      reads.push_back({i * block, std::span(client_memory_).subspan(i * block, block), i});
    }
    const auto start = Clock::now();
    std::span<const Read> left = reads;
    for (std::size_t done = 0; done < count;) {
      if (!left.empty()) left = left.subspan(client_->post(peer_, left));
      std::array<ReadDone, 16> completions;
      const std::size_t found = client_->poll(completions);
      for (std::size_t i = 0; i < found; ++i) {
        if (completions[i].status != ReadStatus::ok) fail();
      }
      if (found == 0) client_->wait(std::chrono::milliseconds{50});
      done += found;
    }
    return Clock::now() - start;
  }

private:
  static std::string address() {
    const char* wanted = std::getenv("CALVO_FABRIC_BIND");
    return wanted != nullptr ? wanted : verbs_addresses().at(0);
  }

  [[noreturn]] static void fail() { throw std::runtime_error("a read has failed"); }

  void post_bare(std::size_t offset, std::size_t bytes) {
    const auto into = std::span(bare_memory_).subspan(offset, bytes);
    ibv_sge target{reinterpret_cast<std::uint64_t>(into.data()), static_cast<std::uint32_t>(bytes),
                   bare_registered_->key_of(into)};
    ibv_send_wr request{};
    request.sg_list = &target;
    request.num_sge = 1;
    request.opcode = IBV_WR_RDMA_READ;
    request.send_flags = IBV_SEND_SIGNALED;
    request.wr.rdma = {link_.grant.address + offset, link_.grant.key};
    ibv_send_wr* rest = nullptr;
    if (ibv_post_send(link_.id->qp, &request, &rest) != 0) fail();
  }

  std::string address_;
  std::vector<std::byte> pool_ = std::vector<std::byte>(pool_bytes);
  std::vector<std::byte> bare_memory_ = std::vector<std::byte>(pool_bytes);
  std::vector<std::byte> client_memory_ = std::vector<std::byte>(pool_bytes);
  Ticket ticket_;
  std::unique_ptr<FabricServer> server_;
  std::unique_ptr<LocalMemory> bare_registered_;
  Link link_;
  std::unique_ptr<FabricClient> client_;
  PeerId peer_{};
  std::size_t slice_ = 0;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Blocks of range(0) bytes, 4 MiB in a row; the two take turns, and medians are compared.
/// Target: of_bare >= 0.9 at all sizes.
void BM_VerbsRead(benchmark::State& state) {
  static Rig rig;
  constexpr std::size_t bytes = 4 << 20;
  const auto block = static_cast<std::size_t>(state.range(0));
  std::vector<double> bare;
  std::vector<double> client;
  for (auto _ : state) {
    bare.push_back(rig.read_bare(bytes, block).count());
    client.push_back(rig.read_by_client(bytes, block).count());
    state.SetIterationTime(client.back());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.counters["of_bare"] = median(bare) / median(client);
}
BENCHMARK(BM_VerbsRead)
    ->RangeMultiplier(4)
    ->Range(16 << 10, 4 << 20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace calvo::realrun::verbs

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--addresses") {
    for (const std::string& address : calvo::realrun::verbs_addresses()) std::puts(address.c_str());
    return 0;
  }
  if (const auto missing = calvo::realrun::verbs_fabric().missing) {
    std::printf("skipped: %s\n", missing->c_str());
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
