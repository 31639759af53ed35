#include "realrun/calibrate/calibration.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "realrun/engine/doorbell.hpp"
#include "realrun/engine/worker.hpp"

namespace calvo::realrun {
namespace {

constexpr int hand_overs = 500;
constexpr double most_p90_error = 0.1;            ///< of a fit that goes without saying
constexpr double most_apart = 0.05;               ///< of the nodes' rates, likewise
constexpr std::chrono::microseconds asleep{300};  ///< so that the other has gone to sleep

/// One way of a ball that the control thread throws to another that sleeps, and back, over the
/// bells that the engine's threads have. Throws what either of them throws.
Sample probe_hand_over(const char* what, std::optional<int> control, std::optional<int> core,
                       Doorbell::Sleeper sleeper) {
  Doorbell here(Doorbell::Sleeper::alone);
  Doorbell there(sleeper);
  std::atomic<int> ball{0};  // even: here
  std::atomic<bool> over{false};
  const auto await = [&](Doorbell& bell, int mine) {
    for (;;) {
      bell.arm();
      if (ball.load() % 2 == mine || over.load()) break;
      bell.sleep(Nanoseconds::max());
    }
    bell.disarm();
  };
  std::promise<void> ready;
  const std::jthread other([&](const std::stop_token& stop) {
    const std::stop_callback wake(stop, [&] {
      over.store(true);
      there.ring();
    });
    std::optional<ThreadPlace> place;
    try {
      place.emplace("other", core);
    } catch (...) {
      ready.set_exception(std::current_exception());
      return;
    }
    ready.set_value();
    for (;;) {
      await(there, 1);
      if (over.load()) return;
      ++ball;
      here.ring();
    }
  });
  ready.get_future().get();
  const ThreadPlace place("control", control);
  return repeat(what, 0, 1, 0, hand_overs, [&] {
    std::this_thread::sleep_for(asleep);
    const Seconds begin = wall_now();
    ++ball;
    there.ring();
    await(here, 0);
    return (wall_now() - begin) / 2;
  });
}

void append_quality(std::string& yaml, const char* name, const models::FitQuality& quality) {
  yaml += fmt::format(
      "  {}: {{points: {}, median_error: {:.4f}, p90_error: {:.4f}, worst_error: {:.4f}", name,
      quality.points, quality.median_error, quality.p90_error, quality.worst_error);
  for (const models::FitRange& range : quality.ranges) {
    yaml += fmt::format(", {}: [{}, {}]", range.axis, range.least, range.most);
  }
  yaml += "}\n";
}

std::string link(const models::TransferModel& model, Seconds more_latency) {
  return fmt::format("{{latency: {:.9g} s, per_operation: {:.9g} s, bandwidth: {:.9g} B/s}}",
                     (model.latency + more_latency).count(), model.per_operation.count(),
                     model.bandwidth.count());
}

std::string quality_text(const models::FitQuality& quality) {
  return fmt::format("{} points, error median {:.1f} %, worst {:.1f} %", quality.points,
                     100 * quality.median_error, 100 * quality.worst_error);
}

}  // namespace

Calibration calibrate(Device& device, const CalibrateOptions& options) {
  const auto tell = [&](std::string_view what) {
    if (options.progress) options.progress(what);
  };
  Calibration result;
  tell("thread hand-over");
  result.hand_over_samples.push_back(probe_hand_over(
      "hand_over_rail", options.control_core, options.network_core, Doorbell::Sleeper::with_files));
  result.to_rail = result.hand_over_samples.back().median();
  result.hand_over_samples.push_back(probe_hand_over(
      "hand_over_compute", options.control_core, options.compute_core, Doorbell::Sleeper::alone));
  result.to_compute = result.hand_over_samples.back().median();
  tell("network");
  {
    const ThreadPlace place("rail", options.network_core);
    result.network = probe_network(options.network, device.host_memory());
  }
  tell("copies, steps, and both at once");
  result.device = probe_device(device, options.device);
  return result;
}

std::string calibration_yaml(const scenarios::Scenario& scenario, const Calibration& calibration,
                             const CalibrateOptions& options) {
  const models::GpuSpec& gpu = scenario.gpu;
  const DeviceMeasurement& device = calibration.device;
  const NetworkMeasurement& network = calibration.network;
  const models::LinearComputeModel::Options& compute = device.compute.options;
  // A block that is fetched passes control -> rail -> control, a step control -> compute ->
  // control.
  const Seconds to_rail_and_back = 2 * calibration.to_rail;
  const Seconds to_compute_and_back = 2 * calibration.to_compute;

  std::string yaml =
      fmt::format("# Measured by: {}\n# {}, fabric {}, device {}, {}\n", options.command,
                  options.date, options.fabric, options.device_name, options.machine);
  yaml += fmt::format(
      "hardware:\n"
      "  gpu:\n"
      "    name: {}\n"
      "    memory: {} B\n"
      "    usable_memory: {:.9g}\n"
      "    memory_bandwidth: {:.9g} B/s\n"
      "    bf16: {:.9g} flop/s\n"
      "    pcie: {}\n"
      "    interference: {{copy_slows_compute: {:.4f}, compute_slows_copy: {:.4f}}}\n",
      gpu.name, gpu.memory.count(), gpu.usable_memory, gpu.memory_bandwidth.count(),
      gpu.bf16.count(), link(device.copy_in.model, Seconds{0}),
      device.interference.copy_slows_compute, device.interference.compute_slows_copy);
  models::TransferModel serving;  // all else is the storage nodes'
  serving.bandwidth = network.together;
  yaml += fmt::format("  serving_nic: {}\n", link(serving, Seconds{0}));
  yaml += fmt::format("  storage_nic: {}\n", link(network.node.model, network.lease));
  yaml += fmt::format(
      "truth:\n"
      "  compute: linear\n"
      "  prefill_fixed: {:.9g} s\n"
      "  per_token: {:.9g} s\n"
      "  per_pair: {:.9g} s\n"
      "  decode_fixed: {:.9g} s\n"
      "  per_sequence: {:.9g} s\n"
      "  per_context_token: {:.9g} s\n",
      compute.prefill_fixed.count(), compute.per_token.count(), compute.per_pair.count(),
      compute.decode_fixed.count(), compute.per_sequence.count(),
      compute.per_context_token.count());
  yaml += fmt::format("topology: {{round_trip: {:.9g} s}}\n", network.lookup.count());
  yaml += fmt::format(
      "every_engine: {{costs: {{step: {1:.9g} s, operation: {0:.9g} s, lookup: {0:.9g} s}}}}\n",
      to_rail_and_back.count(), to_compute_and_back.count());

  yaml += "measured:\n";
  append_quality(yaml, "network", network.node.quality);
  append_quality(yaml, "copy_in", device.copy_in.quality);
  append_quality(yaml, "copy_out", device.copy_out.quality);
  append_quality(yaml, "prefill", device.compute.prefill);
  append_quality(yaml, "decode", device.compute.decode);
  yaml += fmt::format(
      "  copy_out_model: {}\n"
      "  spread: {{network: {:.4f}, device: {:.4f}}}\n"
      "  two_prompts_in_a_step: {:.4f}\n"
      "  lease: {:.9g} s\n"
      "  hand_over: {{rail: {:.9g} s, compute: {:.9g} s}}\n",
      link(device.copy_out.model, Seconds{0}), network.spread, device.spread, device.two_parts,
      network.lease.count(), calibration.to_rail.count(), calibration.to_compute.count());
  if (!network.alone.empty()) {
    std::vector<std::string> rates;
    for (const BytesPerSecond rate : network.alone) {
      rates.push_back(fmt::format("{:.9g} B/s", rate.count()));
    }
    yaml += fmt::format("  nodes_alone: [{}]\n", fmt::join(rates, ", "));
  }
  const auto beside = [](const char* name, const BesideTimes& times) {
    return fmt::format("{}: {{alone: {:.9g} s, beside: {:.9g} s}}", name, times.alone.count(),
                       times.beside.count());
  };
  yaml += fmt::format("  interference: {{{}, {}, {}}}\n", beside("prefill", device.prefill),
                      beside("decode", device.decode), beside("copy", device.copy));
  return yaml;
}

std::vector<std::string> doubts_about(const Calibration& calibration) {
  std::vector<std::string> doubts;
  const DeviceMeasurement& device = calibration.device;
  const std::pair<const char*, const models::FitQuality*> fits[] = {
      {"network", &calibration.network.node.quality},
      {"copies in", &device.copy_in.quality},
      {"copies out", &device.copy_out.quality},
      {"prefill", &device.compute.prefill},
      {"decode", &device.compute.decode}};
  for (const auto& [name, quality] : fits) {
    if (quality->p90_error <= most_p90_error) continue;
    doubts.push_back(
        fmt::format("the fit of {} misses: one point in ten is more than {:.0f} % off (of {} "
                    "points, the worst {:.0f} %)",
                    name, 100 * quality->p90_error, quality->points, 100 * quality->worst_error));
  }
  const std::vector<BytesPerSecond>& alone = calibration.network.alone;
  if (alone.empty()) return doubts;
  const auto [slowest, fastest] = std::ranges::minmax_element(alone);
  const double apart = *fastest / *slowest - 1;
  if (apart > most_apart) {
    doubts.push_back(fmt::format(
        "storage nodes differ: alone, node {} sends {:.4g} MB/s and node {} {:.4g} MB/s, {:.0f} % "
        "more; all are predicted with what the first, node 0, does",
        slowest - alone.begin(), slowest->count() / 1e6, fastest - alone.begin(),
        fastest->count() / 1e6, 100 * apart));
  }
  return doubts;
}

std::string samples_csv(const Calibration& calibration) {
  std::string csv = "what,size,count,context,repeat,seconds\n";
  const std::vector<Sample>* groups[] = {&calibration.hand_over_samples,
                                         &calibration.network.samples, &calibration.device.samples};
  for (const std::vector<Sample>* group : groups) {
    for (const Sample& sample : *group) {
      for (std::size_t i = 0; i < sample.seconds.size(); ++i) {
        csv += fmt::format("{},{},{},{},{},{:.9g}\n", sample.what, sample.size, sample.count,
                           sample.context, i, sample.seconds[i]);
      }
    }
  }
  return csv;
}

std::string calibration_text(const Calibration& calibration) {
  const NetworkMeasurement& network = calibration.network;
  const DeviceMeasurement& device = calibration.device;
  const models::LinearComputeModel::Options& compute = device.compute.options;
  const auto transfer = [](const char* name, const models::TransferFit& fit) {
    return fmt::format("{:<10} {:.4g} MB/s, {:.1f} us a block, {:.1f} us a run ({})\n", name,
                       fit.model.bandwidth.count() / 1e6, fit.model.per_operation.count() * 1e6,
                       fit.model.latency.count() * 1e6, quality_text(fit.quality));
  };
  std::string text = transfer("network", network.node);
  text += fmt::format("{:<10} {:.4g} MB/s\n", "  together", network.together.count() / 1e6);
  text += fmt::format("{:<10} {:.0f} us, lease {:.0f} us\n", "lookup", network.lookup.count() * 1e6,
                      network.lease.count() * 1e6);
  text += transfer("copy in", device.copy_in);
  text += transfer("copy out", device.copy_out);
  text += fmt::format("{:<10} {:.3g} ms + {:.3g} us a token + {:.3g} ns a pair ({})\n", "prefill",
                      compute.prefill_fixed.count() * 1e3, compute.per_token.count() * 1e6,
                      compute.per_pair.count() * 1e9, quality_text(device.compute.prefill));
  text +=
      fmt::format("{:<10} {:.3g} ms + {:.3g} us a sequence + {:.3g} ns a context token ({})\n",
                  "decode", compute.decode_fixed.count() * 1e3, compute.per_sequence.count() * 1e6,
                  compute.per_context_token.count() * 1e9, quality_text(device.compute.decode));
  text += fmt::format(
      "{:<10} copies slow steps by {:.0f} % (decodes by {:.0f} %), steps slow copies by {:.0f} %\n",
      "at once", 100 * device.interference.copy_slows_compute, 100 * device.decode.slowdown(),
      100 * device.interference.compute_slows_copy);
  text += fmt::format("{:<10} {:.0f} us to a rail, {:.0f} us to compute\n", "hand-over",
                      calibration.to_rail.count() * 1e6, calibration.to_compute.count() * 1e6);
  text += fmt::format(
      "spread of repeats within this calibration (half the quartile distance): network {:.1f} %, "
      "device {:.1f} %\n",
      100 * network.spread, 100 * device.spread);
  return text;
}

}  // namespace calvo::realrun
