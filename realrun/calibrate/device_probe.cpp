#include "realrun/calibrate/device_probe.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <numeric>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "core/contract.hpp"
#include "realrun/engine/worker.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {
namespace {

constexpr std::array<std::int64_t, 6> copy_counts = {1, 2, 4, 8, 16, 32};
constexpr std::array<std::int64_t, 5> path_counts = {1, 8, 32, 128, 256};
constexpr std::array<std::int64_t, 8> new_tokens = {1, 8, 32, 128, 256, 512, 2048, 8192};
constexpr std::array<std::int64_t, 6> contexts = {0, 256, 1024, 4096, 16384, 65536};
constexpr std::int64_t longest_context = 40;  // in steps of most_tokens
constexpr std::array<std::int64_t, 6> batches = {1, 2, 4, 8, 32, 128};

/// Does the same over and over in a thread of its own.
class Endless {
public:
  /// Returns when it has been done once.
  explicit Endless(std::function<void()> once)
      : thread_([this, once = std::move(once)](const std::stop_token& stop) { run(stop, once); }) {
    begun_.wait(false);
  }

  /// Waits for the one under way. Throws what ended it before.
  void end() {
    thread_.request_stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

private:
  void run(const std::stop_token& stop, const std::function<void()>& once) {
    try {
      do {
        once();
        tell_begun();
      } while (!stop.stop_requested());
    } catch (...) {
      failure_ = std::current_exception();
      tell_begun();
    }
  }
  void tell_begun() {
    begun_.store(true);
    begun_.notify_one();
  }

  std::exception_ptr failure_;
  std::atomic<bool> begun_{false};
  std::jthread thread_;  ///< last: it uses all of the above
};

class Prober {
public:
  Prober(Device& device, const DeviceProbeOptions& options)
      : device_(device), options_(options), block_(device.options().block_tokens) {
    pages_.resize(static_cast<std::size_t>(device.options().pages));
    std::iota(pages_.begin(), pages_.end(), 0);
  }

  DeviceMeasurement measure() {
    // Finite KV everywhere, so that arithmetic takes its usual time.
    std::ranges::fill(device_.host_memory(), std::byte{0});
    for (std::size_t page = 0; page < pages_.size();) {
      page += static_cast<std::size_t>(copied(CopyDirection::in, 32, 0, page));
    }
    result_.copy_tables = {paths(CopyDirection::in), paths(CopyDirection::out)};
    device_.copies().use_tables(result_.copy_tables);
    result_.copy_in = copies(CopyDirection::in, "copy_in");
    result_.copy_out = copies(CopyDirection::out, "copy_out");
    steps();
    interference();
    std::vector<double> spreads;
    for (const Sample& sample : result_.samples) spreads.push_back(sample.spread());
    std::ranges::sort(spreads);
    result_.spread = spreads[spreads.size() / 2];
    return result_;
  }

private:
  std::int64_t payload() const { return page_bytes(device_.options()); }
  /// Between blocks in host memory, as in an engine's host tier.
  std::int64_t stride() const { return BlockFormat{payload()}.stride(); }
  std::int64_t slots() const {
    return static_cast<std::int64_t>(device_.host_memory().size()) / stride();
  }
  std::int64_t most_copies() const {
    return std::min<std::int64_t>(slots(), static_cast<std::int64_t>(pages_.size()));
  }

  void post(CopyDirection direction, std::int64_t count, std::int32_t layers, std::size_t first) {
    CopyJob job;
    job.direction = direction;
    job.layers = layers;
    const auto slots = static_cast<std::size_t>(this->slots());
    for (std::size_t i = first; i < first + static_cast<std::size_t>(count); ++i) {
      job.blocks.push_back(
          {pages_[i % pages_.size()],
           device_.host_memory().data() + static_cast<std::int64_t>(i % slots) * stride()});
    }
    device_.copies().post(std::move(job));
  }

  void await_copies(std::size_t left = 0) {
    done_.clear();
    while (device_.copies().outstanding() > left) {
      device_.copies().poll(done_);
      if (device_.copies().outstanding() <= left) break;
      pollfd wait{device_.copies().wait_fd(), POLLIN, 0};
      ::poll(&wait, 1, 10);
    }
  }

  /// Copies up to `count` blocks and returns how many.
  std::int64_t copied(CopyDirection direction, std::int64_t count, std::int32_t layers,
                      std::size_t first) {
    const std::int64_t some = std::min(count, most_copies());
    post(direction, some, layers, first);
    await_copies();
    return some;
  }

  /// Each time other blocks, all of memory in turn: what has just been copied lies in caches.
  Seconds copy_time(CopyDirection direction, std::int64_t count, std::int32_t layers) {
    const Seconds begin = wall_now();
    next_ += static_cast<std::size_t>(copied(direction, count, layers, next_));
    return wall_now() - begin;
  }

  models::TransferFit copies(CopyDirection direction, const char* what) {
    const std::int32_t all = device_.options().shape.layers;
    std::vector<models::TransferPoint> points;
    for (const std::int32_t layers : {all, 1}) {
      const std::int64_t size = payload() * layers / all;
      for (const std::int64_t count : copy_counts) {
        if (count > most_copies()) continue;
        result_.samples.push_back(repeat(what, size, count, 0, options_.repeats,
                                         [&] { return copy_time(direction, count, layers); }));
        points.push_back({Bytes{size}, count, result_.samples.back().median()});
        if (result_.samples.back().median() > options_.longest) break;
      }
    }
    return models::fit_transfer(points);
  }

  /// What each path takes, for parts of blocks and whole ones; of a device with one path nothing.
  CopyTable paths(CopyDirection direction) {
    std::vector<CopyTime> times;
    const std::int32_t all = device_.options().shape.layers;
    for (const CopyPath path : device_.copies().paths()) {
      device_.copies().use_path(path);
      const std::string what =
          fmt::format("{}_{}", direction == CopyDirection::in ? "in" : "out", name_of(path));
      for (const std::int32_t layers : {1, std::max(1, all / 8), all}) {
        const std::int64_t size = payload() * layers / all;
        for (const std::int64_t count : path_counts) {
          if (count > most_copies()) continue;
          result_.samples.push_back(repeat(what, size, count, 0, options_.repeats,
                                           [&] { return copy_time(direction, count, layers); }));
          const Seconds median = result_.samples.back().median();
          times.push_back({path, size, count, median});
          if (median > options_.longest) break;
        }
      }
      device_.copies().use_path(std::nullopt);
    }
    return CopyTable(std::move(times));
  }

  bool fits(std::int64_t tokens) const {
    return tokens <= longest_context * options_.most_tokens &&
           tokens <= block_ * static_cast<std::int64_t>(pages_.size()) &&
           tokens <= device_.options().shape.max_context;
  }

  /// One step of `sequences` sequences, each with `fresh` new tokens over `context` and with pages
  /// of its own. Requires: there are so many.
  Seconds step_time(std::int64_t sequences, std::int64_t fresh, std::int64_t context) {
    const auto vocab = static_cast<std::size_t>(device_.options().shape.vocab);
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(fresh));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = static_cast<std::int32_t>(i * 7919 % vocab);
    }
    const auto each = static_cast<std::size_t>((context + fresh + block_ - 1) / block_);
    std::vector<SequenceStep> steps;
    for (std::int64_t i = 0; i < sequences; ++i) {
      const std::size_t first = static_cast<std::size_t>(i) * each;
      CALVO_EXPECT(first + each <= pages_.size());
      steps.push_back({tokens, context, std::span(pages_).subspan(first, each), false});
    }
    const Seconds begin = wall_now();
    device_.step({steps, {}}, results_);
    return wall_now() - begin;
  }

  /// Where steps are computed. A step pins its thread for good, and threads inherit that: copies
  /// beside steps must not share their core. Ends with all cores back that the thread had.
  ThreadPlace place_of_steps() const {
    return ThreadPlace("compute", device_.options().compute_core);
  }

  void steps() {
    const ThreadPlace place = place_of_steps();
    std::vector<models::StepPoint> points;
    for (const std::int64_t context : contexts) {
      for (const std::int64_t fresh : new_tokens) {
        if (fresh > options_.most_tokens || !fits(context + fresh)) continue;
        result_.samples.push_back(repeat("prefill", fresh, 1, context, options_.repeats,
                                         [&] { return step_time(1, fresh, context); }));
        points.push_back({Tokens{fresh}, Tokens{context}, 0, result_.samples.back().median()});
        if (result_.samples.back().median() > options_.longest) break;
      }
    }
    for (const std::int64_t context : contexts) {
      for (const std::int64_t sequences : batches) {
        const auto pages = (context + block_) / block_ * sequences;
        if (sequences > options_.most_sequences || !fits(context + 1)) continue;
        if (pages > static_cast<std::int64_t>(pages_.size())) continue;
        result_.samples.push_back(repeat("decode", 1, sequences, context, options_.repeats,
                                         [&] { return step_time(sequences, 1, context); }));
        points.push_back(
            {Tokens{0}, Tokens{context * sequences}, sequences, result_.samples.back().median()});
        if (result_.samples.back().median() > options_.longest) break;
      }
    }
    result_.compute = models::fit_compute(points, device_.options().shape.layers);
    const std::int64_t part =
        std::min<std::int64_t>(32, static_cast<std::int64_t>(pages_.size()) / 2 * block_);
    const Sample one =
        repeat("prefill_one", part, 1, 0, options_.repeats, [&] { return step_time(1, part, 0); });
    const Sample two =
        repeat("prefill_two", part, 2, 0, options_.repeats, [&] { return step_time(2, part, 0); });
    const Seconds fixed = result_.compute.options.prefill_fixed;
    result_.two_parts = two.median() / (2 * one.median() - fixed) - 1;
    result_.samples.push_back(one);
    result_.samples.push_back(two);
  }

  /// Two steps beside copies that never stop, and copies beside steps that never stop.
  void interference() {
    const std::int64_t fresh =
        std::min<std::int64_t>(options_.most_tokens / 8, block_ * most_copies());
    const std::int64_t context = fits(1024 + fresh) ? 1024 : 0;
    const auto prefill = [&] { return step_time(1, fresh, context); };
    const auto decode = [&] { return step_time(1, 1, context); };
    const std::int64_t count = std::min<std::int64_t>(8, most_copies());
    const auto copy = [&] { return copy_time(CopyDirection::in, count, 0); };
    {
      const ThreadPlace place = place_of_steps();
      result_.prefill.alone = beside_sample("step_alone", fresh, 1, context, prefill);
      result_.decode.alone = beside_sample("decode_alone", 1, 1, context, decode);
    }
    result_.copy.alone = beside_sample("copy_alone", payload(), count, 0, copy);

    {
      Endless copier([&] {  // one is posted while another is under way
        post(CopyDirection::in, count, 0, next_);
        next_ += static_cast<std::size_t>(count);
        await_copies(1);
      });
      const ThreadPlace place = place_of_steps();
      result_.prefill.beside = beside_sample("step_beside_copies", fresh, 1, context, prefill);
      result_.decode.beside = beside_sample("decode_beside_copies", 1, 1, context, decode);
      copier.end();
    }
    await_copies();
    Endless computer([&] { prefill(); });
    result_.copy.beside = beside_sample("copy_beside_steps", payload(), count, 0, copy);
    computer.end();
    result_.interference = {result_.prefill.slowdown(), result_.copy.slowdown()};
  }

  template <class Once>
  Seconds beside_sample(const char* what, std::int64_t size, std::int64_t count,
                        std::int64_t context, Once once) {
    result_.samples.push_back(
        repeat(what, size, count, context, std::max(options_.repeats, 15), once));
    return result_.samples.back().median();
  }

  Device& device_;
  DeviceProbeOptions options_;
  std::int64_t block_;
  std::vector<std::int32_t> pages_;
  std::vector<SequenceResult> results_;
  std::vector<std::uint64_t> done_;
  std::size_t next_ = 0;  ///< block that the next copy begins with
  DeviceMeasurement result_;
};

}  // namespace

DeviceMeasurement probe_device(Device& device, const DeviceProbeOptions& options) {
  return Prober(device, options).measure();
}

}  // namespace calvo::realrun
