#include "realrun/node/node_metrics.hpp"

#include <exception>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include "core/input_error.hpp"
#include "realrun/wire/endpoint.hpp"

namespace calvo::realrun {
namespace {

class Collector final : public prometheus::Collectable {
public:
  Collector(const Tally& tally, std::int64_t capacity_blocks, std::uint64_t pool_bytes)
      : tally_(tally), capacity_blocks_(capacity_blocks), pool_bytes_(pool_bytes) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    const auto add = [&](std::string_view name, std::string_view help, prometheus::MetricType type,
                         double value) {
      prometheus::MetricFamily& family = families.emplace_back();
      family.name = fmt::format("calvo_kvnode_{}", name);
      family.help = help;
      family.type = type;
      prometheus::ClientMetric& metric = family.metric.emplace_back();
      (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    };
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
      add(name, help, prometheus::MetricType::Counter, static_cast<double>(value));
    };
    const auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
      add(name, help, prometheus::MetricType::Gauge, static_cast<double>(value));
    };
    counter("connections_total", "Connections accepted", tally_.connections);
    counter("refused_handshakes_total",
            "Peers without the key, version or configuration, too late or too many",
            tally_.refused_handshakes);
    counter("malformed_frames_total", "Connections ended for what they sent",
            tally_.malformed_frames);
    counter("lookups_total", "Lookups answered", tally_.lookups);
    counter("leases_total", "Leases asked for", tally_.leases);
    counter("leased_blocks_total", "Blocks granted by leases", tally_.leased_blocks);
    counter("missing_blocks_total", "Blocks asked for by leases and not granted",
            tally_.missing_blocks);
    counter("stored_blocks_total", "Blocks taken from engines", tally_.stored_blocks);
    counter("refused_blocks_total", "Blocks not taken: damaged or no room", tally_.refused_blocks);
    counter("evicted_blocks_total", "Blocks evicted to make room", tally_.evicted_blocks);
    counter("sent_bytes_total", "Bytes of the pool sent, by fabrics that ask", tally_.sent_bytes);
    counter("faults_total", "Faults of the script that struck", tally_.faults);
    gauge("blocks_stored", "Blocks in the pool", tally_.blocks_in_pool);
    gauge("blocks_leased", "Blocks under leases, each as often as it is leased",
          tally_.blocks_under_lease);
    gauge("connections_open", "Connections now", tally_.open_connections);
    gauge("capacity_blocks", "Blocks that the pool can hold",
          static_cast<std::uint64_t>(capacity_blocks_));
    gauge("pool_bytes", "Memory of the pool", pool_bytes_);
    return families;
  }

private:
  const Tally& tally_;
  std::int64_t capacity_blocks_;
  std::uint64_t pool_bytes_;
};

std::unique_ptr<prometheus::Exposer> expose(const std::string& address) {
  try {
    return std::make_unique<prometheus::Exposer>(
        // Who connects and asks nothing holds a thread until its time is over.
        std::vector<std::string>{"listening_ports", address, "num_threads", "8",
                                 "request_timeout_ms", "500"});
  } catch (const std::exception&) {
    throw InputError({"kvnode", 0, 0}, "metrics",
                     fmt::format("cannot listen on {}; choose another port, or 0 for any that is "
                                 "free",
                                 address));
  }
}

}  // namespace

struct NodeMetrics::Impl {
  std::shared_ptr<Collector> collector;
  std::unique_ptr<prometheus::Exposer> exposer;
};

NodeMetrics::NodeMetrics(const std::string& bind, std::uint16_t port, const Tally& tally,
                         std::int64_t capacity_blocks, std::uint64_t pool_bytes)
    : impl_(std::make_unique<Impl>()) {
  impl_->collector = std::make_shared<Collector>(tally, capacity_blocks, pool_bytes);
  impl_->exposer = expose(Endpoint{bind == "localhost" ? "127.0.0.1" : bind, port}.text());
  impl_->exposer->RegisterCollectable(impl_->collector);
}

NodeMetrics::~NodeMetrics() = default;

std::uint16_t NodeMetrics::port() const {
  return static_cast<std::uint16_t>(impl_->exposer->GetListeningPorts().at(0));
}

}  // namespace calvo::realrun
