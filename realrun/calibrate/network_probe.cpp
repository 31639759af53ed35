#include "realrun/calibrate/network_probe.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <poll.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

constexpr int rpc_repeats = 200;
constexpr int alone_repeats = 3;  // they are compared and enter no fit
constexpr Nanoseconds patience{10'000'000'000};
constexpr std::array<std::int64_t, 4> other_sizes = {4 << 10, 64 << 10, 256 << 10, 1 << 20};
constexpr std::array<std::int64_t, 6> counts = {1, 2, 4, 8, 16, 32};
// Read before each chain that is timed, so that a paced node has spent its burst.
constexpr std::int64_t burst = 512 << 10;
constexpr BlockRun probed{BlockId{1}, 1};

struct Node {
  std::unique_ptr<NodeClient> control;
  PeerId peer{};
  std::uint64_t pool_bytes = 0;
  std::uint64_t at = 0;  ///< where the next read begins
};

class Prober {
public:
  Prober(const NetworkProbeOptions& options, std::span<std::byte> landing)
      : options_(options), landing_(landing), client_(fabric(options.fabric).make_client()) {
    client_->register_memory(landing);
    for (const ConnectOptions& to : options.nodes) {
      Node& node = nodes_.emplace_back();
      node.control = std::make_unique<NodeClient>(to);
      const NodeInfo& info = node.control->info();
      const auto offer = std::ranges::find(info.offers, options.fabric, &PoolOffer::fabric);
      if (offer == info.offers.end()) {
        throw std::runtime_error("the node at " + to.endpoint.text() +
                                 " does not serve the fabric " + options.fabric +
                                 "; start it with --fabric " + options.fabric);
      }
      node.peer = client_->connect(to.endpoint.host, *offer, info.ticket, patience);
      node.pool_bytes = info.pool_bytes;
    }
    expect_block(nodes_.front(), options.nodes.front().endpoint);
  }

  /// `count` reads of `size` bytes from each of `nodes`, posted at once.
  Seconds read(std::span<Node> nodes, std::int64_t size, std::int64_t count) {
    struct Left {
      Node* node;
      std::vector<Read> chain;
      std::size_t posted = 0;
    };
    std::vector<Left> left;
    std::size_t open = 0;
    std::size_t at = 0;
    for (Node& node : nodes) {
      Left& one = left.emplace_back(Left{&node, {}, 0});
      for (std::int64_t i = 0; i < count; ++i) {
        const auto bytes = static_cast<std::size_t>(size);
        if (node.at + bytes > node.pool_bytes) node.at = 0;
        if (at + bytes > landing_.size()) at = 0;
        one.chain.push_back({node.at, landing_.subspan(at, bytes), open++, true});
        node.at += bytes;
        at += bytes;
      }
    }
    const Seconds begin = wall_now();
    while (open > 0) {
      for (Left& one : left) {
        const std::span<const Read> rest = std::span(one.chain).subspan(one.posted);
        if (!rest.empty()) one.posted += client_->post(one.node->peer, rest);
      }
      std::array<ReadDone, 64> done;
      const std::size_t landed = client_->poll(done);
      for (std::size_t i = 0; i < landed; ++i) {
        if (done[i].status != ReadStatus::ok) {
          throw std::runtime_error("a read failed while measuring: " +
                                   std::string(name_of(done[i].status)));
        }
        --open;
      }
      if (landed == 0 && open > 0) client_->wait(Nanoseconds{10'000'000});
      if (wall_now() - begin > to_seconds(patience)) {
        throw std::runtime_error("a read did not end within 10 s; is the link down?");
      }
    }
    return wall_now() - begin;
  }

  /// The same behind enough reads that no burst is left.
  Seconds read_steadily(std::span<Node> nodes, std::int64_t size, std::int64_t count) {
    const auto pool = static_cast<std::int64_t>(nodes.front().pool_bytes);
    read(nodes, std::min({burst, pool, static_cast<std::int64_t>(landing_.size())}), 1);
    return read(nodes, size, count);
  }

  /// Leases are timed with this block: a pool that makes every block has it.
  void expect_block(Node& node, const Endpoint& where) {
    std::vector<NodeReply> replies;
    answer(node, replies, [](NodeClient& control) { control.lookup(1, {&probed, 1}); });
    if (replies.front().counts == std::vector<std::int32_t>{1}) return;
    throw InputError({"storage node", 0, 0}, where.text(),
                     "the node does not hold block 1; start it with --synthetic to calibrate");
  }

  template <class Call>
  Seconds answer(Node& node, Call call) {
    std::vector<NodeReply> replies;
    return answer(node, replies, call);
  }

  template <class Call>
  Seconds answer(Node& node, std::vector<NodeReply>& replies, Call call) {
    const Seconds begin = wall_now();
    call(*node.control);
    while (replies.empty()) {
      node.control->poll(replies);
      if (!replies.empty()) break;
      pollfd wait{node.control->fd(),
                  static_cast<short>(POLLIN | (node.control->wants_write() ? POLLOUT : 0)), 0};
      ::poll(&wait, 1, 1000);
      if (wall_now() - begin > to_seconds(patience)) throw std::runtime_error("no answer in 10 s");
    }
    const Seconds time = wall_now() - begin;
    if (replies.front().kind == NodeReply::Kind::gone) {
      throw std::runtime_error("a storage node went away while it was measured");
    }
    if (replies.front().kind == NodeReply::Kind::lease) {
      node.control->release(replies.front().lease);
    }
    return time;
  }

  NetworkMeasurement measure() {
    NetworkMeasurement result;
    Node& first = nodes_.front();
    const std::int64_t block = options_.format.used();
    result.samples.push_back(repeat("lookup", 0, 1, 0, rpc_repeats, [&] {
      return answer(first, [&](NodeClient& node) { node.lookup(1, {&probed, 1}); });
    }));
    result.lookup = result.samples.back().median();
    result.samples.push_back(repeat("lease", 0, 1, 0, rpc_repeats, [&] {
      return answer(first, [&](NodeClient& node) { node.lease(1, probed); });
    }));
    result.lease = result.samples.back().median();

    std::vector<std::int64_t> sizes = {block};
    sizes.insert(sizes.end(), other_sizes.begin(), other_sizes.end());
    const auto pool = static_cast<std::int64_t>(first.pool_bytes);
    const Seconds one_block = read_steadily({&first, 1}, block, 1);
    const double rate = static_cast<double>(block) / one_block.count();
    std::vector<models::TransferPoint> points;
    const double payload =
        static_cast<double>(options_.format.payload) / static_cast<double>(block);
    for (const std::int64_t size : sizes) {
      for (const std::int64_t count : counts) {
        const std::int64_t bytes = size * count;
        const bool fits = size <= pool && bytes <= static_cast<std::int64_t>(landing_.size());
        const bool quick = static_cast<double>(bytes) / rate <= options_.longest.count();
        if (!fits || (!quick && points.size() >= 4)) continue;
        result.samples.push_back(repeat("network_read", size, count, 1, options_.repeats, [&] {
          return read_steadily({&first, 1}, size, count);
        }));
        points.push_back({Bytes{static_cast<std::int64_t>(static_cast<double>(size) * payload)},
                          count, result.samples.back().median()});
      }
    }
    result.node = models::fit_transfer(points);

    // Enough blocks of each node for the links' steady state, of all together or one by one.
    const auto most = static_cast<std::int64_t>(landing_.size()) / block /
                      static_cast<std::int64_t>(nodes_.size());
    const std::int64_t each =
        std::clamp(static_cast<std::int64_t>(rate * options_.longest.count()) / block,
                   std::int64_t{1}, std::max<std::int64_t>(1, most));
    const auto payload_rate = [&](const Sample& sample, std::size_t nodes) {
      return BytesPerSecond{static_cast<double>(options_.format.payload * each) *
                            static_cast<double>(nodes) / sample.median().count()};
    };
    for (std::size_t i = 0; nodes_.size() > 1 && i < nodes_.size(); ++i) {
      result.samples.push_back(
          repeat(fmt::format("network_read_node_{}", i), block, each, 1, alone_repeats, [&] {
            return read_steadily({&nodes_[i], 1}, block, each);
          }));
      result.alone.push_back(payload_rate(result.samples.back(), 1));
    }
    result.samples.push_back(repeat("network_read_together", block, each,
                                    static_cast<std::int64_t>(nodes_.size()), options_.repeats,
                                    [&] { return read_steadily(nodes_, block, each); }));
    result.together = payload_rate(result.samples.back(), nodes_.size());
    std::vector<double> spreads;
    for (const Sample& sample : result.samples) spreads.push_back(sample.spread());
    std::ranges::sort(spreads);
    result.spread = spreads[spreads.size() / 2];
    return result;
  }

private:
  const NetworkProbeOptions& options_;
  std::span<std::byte> landing_;
  std::unique_ptr<FabricClient> client_;
  std::vector<Node> nodes_;
};

}  // namespace

NetworkMeasurement probe_network(const NetworkProbeOptions& options, std::span<std::byte> landing) {
  CALVO_EXPECT(!options.nodes.empty());
  return Prober(options, landing).measure();
}

}  // namespace calvo::realrun
