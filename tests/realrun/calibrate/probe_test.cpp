// The probes against a testbed whose rates are set by pacing.
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "core/input_error.hpp"
#include "models/catalogue.hpp"
#include "realrun/calibrate/calibration.hpp"
#include "realrun/node/node_server.hpp"

namespace calvo::realrun {
namespace {

constexpr double link_rate = 40e6;   // bytes/s
constexpr double copy_rate = 100e6;  // bytes/s
constexpr std::int64_t burst = 8 << 10;

models::ModelShape tiny() {
  models::ModelShape shape;
  shape.name = "tiny";
  shape.layers = 2;
  shape.hidden = 32;
  shape.q_heads = 2;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  shape.dense_ffn = 64;
  shape.dense_layers = 2;
  shape.vocab = 64;
  shape.max_context = 1024;
  return shape;
}

DeviceOptions paced_device() {
  DeviceOptions options;
  options.shape = tiny();
  options.block_tokens = 64;  // 8 KiB of KV
  options.pages = 32;
  options.host_bytes = 4 << 20;
  options.copy_pace = BytesPerSecond{copy_rate};
  options.copy_piece = 4096;
  options.arithmetic = false;
  options.pace_step = Seconds{2e-3};
  options.pace_token = Seconds{50e-6};
  return options;
}

TEST(Probes, MeasureNothingFasterThanItCanBe) {
  const DeviceOptions device_options = paced_device();
  const std::unique_ptr<Device> host = device("host").make(device_options);

  NodeOptions node;
  node.config = {page_bytes(device_options), device_options.block_tokens, "tiny", 1};
  node.capacity_blocks = 128;
  node.synthetic_on_demand = true;
  node.pace = BytesPerSecond{link_rate};
  node.pace_burst = burst;
  const NodeServer first(node);
  const NodeServer second(node);

  CalibrateOptions options;
  options.network.format = {node.config.block_bytes};
  options.network.repeats = 3;
  options.network.longest = Seconds{0.02};
  options.device.repeats = 3;
  for (const NodeServer* server : {&first, &second}) {
    ConnectOptions to;
    to.endpoint = {"127.0.0.1", server->port()};
    to.config = node.config;
    options.network.nodes.push_back(to);
  }
  std::vector<std::string> told;
  options.progress = [&](std::string_view what) { told.emplace_back(what); };
  const Calibration found = calibrate(*host, options);

  // Pacing bounds every time from below, whatever else the machine does.
  std::map<std::string, int> reads;
  for (const Sample& sample : found.network.samples) {
    if (!sample.what.starts_with("network_read")) continue;
    ++reads[sample.what];
    const auto bytes = static_cast<double>(sample.size * sample.count);
    EXPECT_GE(sample.quantile(0).count(), (bytes - static_cast<double>(burst)) / link_rate * 0.999)
        << sample.what << " " << sample.size << " x " << sample.count;  // from each node
  }
  EXPECT_GE(reads["network_read"], 4);
  for (const char* once : {"network_read_node_0", "network_read_node_1", "network_read_together"}) {
    EXPECT_EQ(reads[once], 1) << once;
  }
  EXPECT_GT(found.network.node.model.bandwidth.count(), 0);
  EXPECT_GT(found.network.together.count(), 0);
  ASSERT_EQ(found.network.alone.size(), 2U);
  for (const BytesPerSecond alone : found.network.alone) EXPECT_GT(alone.count(), 0);
  EXPECT_GT(found.network.lookup.count(), 0);
  EXPECT_GT(found.network.lease.count(), 0);
  for (const Sample& sample : found.device.samples) {
    if (sample.what != "prefill") continue;
    EXPECT_GE(sample.quantile(0).count(), 2e-3 + static_cast<double>(sample.size) * 50e-6);
  }
  EXPECT_GT(found.device.compute.options.per_token.count(), 0);
  for (const BesideTimes& step : {found.device.prefill, found.device.decode}) {
    EXPECT_GE(step.alone.count(), 2e-3);
    EXPECT_GE(step.beside.count(), 2e-3);
  }
  const double least_copy = 8 * static_cast<double>(page_bytes(device_options)) / copy_rate;
  EXPECT_GE(found.device.copy.alone.count(), 0.9 * least_copy);
  EXPECT_EQ(found.device.interference.copy_slows_compute, found.device.prefill.slowdown());
  EXPECT_EQ(found.device.interference.compute_slows_copy, found.device.copy.slowdown());
  EXPECT_TRUE(found.device.copy_tables.in.times().empty());  // there is one path only
  EXPECT_GT(found.to_rail.count(), 0);
  EXPECT_GT(found.to_compute.count(), 0);
  EXPECT_THAT(
      told, testing::ElementsAre("thread hand-over", "network", "copies, steps, and both at once"));
}

TEST(Probes, ThrowWhereAThreadCannotRunOnItsCore) {
  const int nowhere = CPU_SETSIZE - 1;  // no test machine is that large
  const std::unique_ptr<Device> host = device("host").make(paced_device());
  CalibrateOptions other;
  other.network_core = nowhere;
  CalibrateOptions control;
  control.control_core = nowhere;
  for (const auto& [options, name] : {std::pair(other, "other"), std::pair(control, "control")}) {
    try {
      calibrate(*host, options);
      ADD_FAILURE() << "no error: " << name;
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(
          error.what(),
          fmt::format("cannot pin thread {} to core {}: Invalid argument", name, nowhere).c_str());
    }
  }
}

TEST(BesideTimes, SayHowMuchLongerItTakes) {
  EXPECT_DOUBLE_EQ((BesideTimes{Seconds{2}, Seconds{3}}.slowdown()), 0.5);
  EXPECT_EQ((BesideTimes{Seconds{2}, Seconds{1.9}}.slowdown()), 0);  // by chance
}

/// The host device, for others to change something of it.
class HostDevice : public Device, public CopyEngine {
public:
  explicit HostDevice(const DeviceOptions& options) : host_(device("host").make(options)) {}

  std::string description() const override { return host_->description(); }
  const DeviceOptions& options() const override { return host_->options(); }
  std::span<std::byte> host_memory() override { return host_->host_memory(); }
  bool host_memory_locked() const override { return false; }
  CopyEngine& copies() override { return *this; }
  void step(const StepInput& input, std::vector<SequenceResult>& results) override {
    host_->step(input, results);
  }
  std::vector<std::byte> read_page(std::int32_t page) override { return host_->read_page(page); }

  void post(CopyJob job) override { host_->copies().post(std::move(job)); }
  void poll(std::vector<std::uint64_t>& done) override { host_->copies().poll(done); }
  int wait_fd() override { return host_->copies().wait_fd(); }
  std::size_t outstanding() const override { return host_->copies().outstanding(); }

private:
  std::unique_ptr<Device> host_;
};

/// As if it had two paths.
class TwoPaths final : public HostDevice {
public:
  using HostDevice::HostDevice;

  void post(CopyJob job) override {
    if (path) ++posted[*path];
    HostDevice::post(std::move(job));
  }
  std::span<const CopyPath> paths() const override { return both; }
  void use_path(std::optional<CopyPath> wanted) override { path = wanted; }
  void use_tables(CopyTables wanted) override { tables = std::move(wanted); }

  static constexpr std::array both = {CopyPath::direct, CopyPath::staged};
  std::optional<CopyPath> path;
  std::map<CopyPath, int> posted;
  CopyTables tables;
};

TEST(Probes, MeasureEachPathOfADeviceAndGoOnByTheTable) {
  TwoPaths device(paced_device());
  DeviceProbeOptions options;
  options.repeats = 3;
  const DeviceMeasurement found = probe_device(device, options);
  for (const CopyTable* table : {&found.copy_tables.in, &found.copy_tables.out}) {
    std::map<CopyPath, int> points;
    for (const CopyTime& time : table->times()) {
      ++points[time.path];
      EXPECT_GT(time.time, Seconds{0});
    }
    EXPECT_EQ(points[CopyPath::direct], points[CopyPath::staged]);
    EXPECT_GE(points[CopyPath::direct], 6);  // two sizes, three counts
  }
  EXPECT_EQ(device.path, std::nullopt);
  EXPECT_EQ(copy_tables_csv(device.tables), copy_tables_csv(found.copy_tables));
  EXPECT_GT(device.posted[CopyPath::direct], 0);
  EXPECT_GT(device.posted[CopyPath::staged], 0);
}

/// Fails where copies and steps meet: in the thread that does the one, or in the one that does the
/// other meanwhile.
class FailsBeside final : public HostDevice {
public:
  enum class Where { copies_beside, steps_among_copies, steps_beside, copies_among_steps };

  FailsBeside(const DeviceOptions& options, Where where) : HostDevice(options), where_(where) {}

  void step(const StepInput& input, std::vector<SequenceResult>& results) override {
    if (elsewhere()) stepped_ = true;
    if (elsewhere() && where_ == Where::steps_beside) throw std::runtime_error("a step failed");
    if (copied_ && where_ == Where::steps_among_copies) throw std::runtime_error("a step failed");
    HostDevice::step(input, results);
  }
  void poll(std::vector<std::uint64_t>& done) override {
    if (elsewhere()) copied_ = true;
    if (elsewhere() && where_ == Where::copies_beside) throw std::runtime_error("a copy failed");
    if (stepped_ && where_ == Where::copies_among_steps) throw std::runtime_error("a copy failed");
    HostDevice::poll(done);
  }

private:
  bool elsewhere() const { return std::this_thread::get_id() != home_; }

  Where where_;
  std::thread::id home_ = std::this_thread::get_id();
  std::atomic<bool> copied_{false}, stepped_{false};
};

TEST(Probes, ThrowWhatADeviceThrowsInEitherThread) {
  using Where = FailsBeside::Where;
  DeviceOptions device_options = paced_device();
  device_options.pace_step = device_options.pace_token = Seconds{0};
  device_options.copy_pace.reset();
  DeviceProbeOptions options;
  options.repeats = 1;
  options.most_tokens = 8;
  for (const auto& [where, text] : {std::pair(Where::copies_beside, "a copy failed"),
                                    {Where::steps_among_copies, "a step failed"},
                                    {Where::steps_beside, "a step failed"},
                                    {Where::copies_among_steps, "a copy failed"}}) {
    FailsBeside device(device_options, where);
    try {
      probe_device(device, options);
      ADD_FAILURE() << "no error: " << static_cast<int>(where);
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), text);
    }
  }
}

/// Remembers on how many cores the threads may run that wait for copies.
class KeepsCores final : public HostDevice {
public:
  using HostDevice::HostDevice;

  void poll(std::vector<std::uint64_t>& done) override {
    least_ = std::min(least_.load(), cores());
    HostDevice::poll(done);
  }
  int least() const { return least_; }

  static int cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
  }

private:
  std::atomic<int> least_{CPU_SETSIZE};
};

TEST(Probes, LeaveTheCoreOfStepsToSteps) {
  DeviceOptions device_options = paced_device();
  device_options.pace_step = device_options.pace_token = Seconds{0};
  device_options.copy_pace.reset();
  device_options.compute_core = sched_getcpu();
  DeviceProbeOptions options;
  options.repeats = 1;
  options.most_tokens = 8;
  const int before = KeepsCores::cores();
  KeepsCores device(device_options);
  probe_device(device, options);
  EXPECT_EQ(device.least(), before);  // one on a machine with one
  EXPECT_EQ(KeepsCores::cores(), before);
}

/// A node that cannot be measured, and what the probe says of it.
struct Unfit {
  std::string endpoint;
  std::string error = "no error";
};

template <class Error>
Unfit probe_unfit(std::optional<std::vector<std::string>> fabrics = std::nullopt) {
  NodeOptions node;
  node.config = {4096, 16, "tiny", 1};
  node.capacity_blocks = 8;
  if (fabrics) node.fabrics = *fabrics;
  const NodeServer server(node);
  NetworkProbeOptions options;
  options.format = {4096};
  ConnectOptions to;
  to.endpoint = {"127.0.0.1", server.port()};
  to.config = node.config;
  options.nodes.push_back(to);
  std::vector<std::byte> landing(1 << 20);
  Unfit unfit{to.endpoint.text()};
  try {
    probe_network(options, landing);
  } catch (const Error& error) {
    unfit.error = error.what();
  }
  return unfit;
}

TEST(Probes, SayWhichNodeCannotBeCalibrated) {
  const Unfit node = probe_unfit<InputError>();
  EXPECT_EQ(node.error, "storage node:0:0: " + node.endpoint +
                            ": the node does not hold block 1; start it with --synthetic to "
                            "calibrate");
}

TEST(Probes, SayWhichNodeDoesNotServeTheFabric) {
  const Unfit node = probe_unfit<std::runtime_error>(std::vector<std::string>{});
  EXPECT_EQ(node.error, "the node at " + node.endpoint +
                            " does not serve the fabric tcp; start it with --fabric tcp");
}

}  // namespace
}  // namespace calvo::realrun
