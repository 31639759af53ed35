#include "realrun/engine/metrics.hpp"

#include <exception>
#include <string>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "core/input_error.hpp"

namespace calvo::realrun {

struct Metrics::Impl {
  explicit Impl(std::uint16_t port) : exposer("127.0.0.1:" + std::to_string(port), 1) {
    exposer.RegisterCollectable(registry);
  }
  prometheus::Gauge& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry).Add({});
  }
  prometheus::Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry).Add({});
  }

  prometheus::Exposer exposer;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Counter& arrived =
      counter("calvo_requests_arrived_total", "Requests that have arrived");
  prometheus::Counter& ended = counter("calvo_requests_ended_total", "Requests that have left");
  prometheus::Gauge& in_flight =
      gauge("calvo_operations", "Lookups, transfers and steps under way");
  prometheus::Gauge& gpu = gauge("calvo_gpu_blocks", "KV blocks in GPU memory");
  prometheus::Gauge& host = gauge("calvo_host_blocks", "KV blocks in host memory");
  prometheus::Gauge& quarantined =
      gauge("calvo_quarantined_blocks", "Host slots that a transfer which timed out may write");
  prometheus::Counter& fetched =
      counter("calvo_fetched_blocks_total", "Blocks fetched from storage nodes");
  prometheus::Counter& copied = counter("calvo_copied_blocks_total", "Blocks copied to GPU memory");
  prometheus::Counter& stored =
      counter("calvo_stored_blocks_total", "Blocks stored on storage nodes");
  prometheus::Counter& corrupt =
      counter("calvo_corrupt_fetches_total", "Fetches that brought a bad block");
  prometheus::Counter& timed_out =
      counter("calvo_timed_out_fetches_total", "Fetches given up by time");
  prometheus::Counter& steps = counter("calvo_steps_total", "Steps computed");
};

Metrics::Metrics(std::uint16_t port) {
  try {
    impl_ = std::make_unique<Impl>(port);
  } catch (const std::exception& error) {
    throw InputError({"--metrics-port", 0, 0}, "",
                     "cannot listen on 127.0.0.1:" + std::to_string(port) + " (" + error.what() +
                         "); name another port, or 0 for any");
  }
}

Metrics::~Metrics() = default;

std::uint16_t Metrics::port() const {
  return static_cast<std::uint16_t>(impl_->exposer.GetListeningPorts().front());
}

void Metrics::show(const Sample& sample) {
  const auto set = [](prometheus::Gauge& gauge, std::int64_t value) {
    gauge.Set(static_cast<double>(value));
  };
  const auto raise = [](prometheus::Counter& counter, std::int64_t value) {
    counter.Increment(static_cast<double>(value) - counter.Value());
  };
  raise(impl_->arrived, sample.arrived);
  raise(impl_->ended, sample.ended);
  set(impl_->in_flight, sample.in_flight);
  set(impl_->gpu, sample.gpu_blocks);
  set(impl_->host, sample.host_blocks);
  set(impl_->quarantined, sample.quarantined_blocks);
  raise(impl_->fetched, sample.counters.fetched_blocks);
  raise(impl_->copied, sample.counters.copied_blocks);
  raise(impl_->stored, sample.counters.stored_blocks);
  raise(impl_->corrupt, sample.counters.corrupt_fetches);
  raise(impl_->timed_out, sample.counters.timed_out_fetches);
  raise(impl_->steps, sample.counters.steps);
}

}  // namespace calvo::realrun
