#include "realrun/devices/host_device.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "realrun/devices/host_copies.hpp"
#include "realrun/devices/host_pace.hpp"
#include "realrun/devices/host_transformer.hpp"
#include "realrun/devices/mapped_memory.hpp"
#include "realrun/devices/thread_tools.hpp"

namespace calvo::realrun {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Seconds longest{1e9};  // a clock can hold it

/// When a paced step may end. A layer takes its share from when its KV is there.
class StepClock {
public:
  StepClock(Seconds pace, std::int32_t layers)
      : share_(std::chrono::duration_cast<Clock::duration>(std::min(pace, longest)) / layers),
        end_(Clock::now()) {}

  void layer_begins(bool gated) {
    if (gated) end_ = std::max(end_, Clock::now());
    end_ += share_;
  }
  void wait(HostPace& pace) const {
    if (Clock::now() >= end_) return;
    wake_in_time();
    pace.wait_until(end_);
  }

private:
  Clock::duration share_;
  Clock::time_point end_;
};

class HostDevice final : public Device {
public:
  explicit HostDevice(const DeviceOptions& options)
      : options_(options),
        layout_{options.shape.layers, options.block_tokens, options.shape.kv_heads,
                options.shape.head_dim},
        pages_(options.pages * page_bytes(options), MappedMemory::Pin::no, "pages"),
        host_(options.host_bytes, MappedMemory::Pin::if_allowed, "host memory"),
        copies_(pages_.bytes().data(), options_, pace_) {
    CALVO_ENSURE(layout_.page_values() * 2 == page_bytes(options));
    if (options.arithmetic) model_.emplace(options.shape, options.seed);
  }

  std::string description() const override {
    return fmt::format("host: {} in float32 on the CPU{}", options_.shape.name,
                       options_.arithmetic ? "" : ", paced without arithmetic");
  }
  const DeviceOptions& options() const override { return options_; }
  std::span<std::byte> host_memory() override { return host_.bytes(); }
  bool host_memory_locked() const override { return host_.pinned(); }
  CopyEngine& copies() override { return copies_; }
  void end_pace() override { pace_.end(); }

  void step(const StepInput& input, std::vector<SequenceResult>& results) override {
    expect_valid(options_, input.sequences);
    pin_this_thread(options_.compute_core);
    results.assign(input.sequences.size(), {});
    StepClock clock(step_pace(options_, input.sequences), options_.shape.layers);
    const auto before_layer = [&](std::int32_t layer) {
      if (input.wait_for_layer) input.wait_for_layer(layer);
      clock.layer_begins(static_cast<bool>(input.wait_for_layer));
    };
    if (model_) {
      model_->step(reinterpret_cast<kernels::Bf16*>(pages_.bytes().data()), layout_,
                   input.sequences, before_layer, results);
    } else {
      for (std::int32_t layer = 0; layer < options_.shape.layers; ++layer) before_layer(layer);
      for (std::size_t i = 0; i < results.size(); ++i) pretend(input.sequences[i], results[i]);
    }
    clock.wait(pace_);
  }

  std::vector<std::byte> read_page(std::int32_t page) override {
    CALVO_EXPECT(0 <= page && page < options_.pages);
    const std::int64_t size = page_bytes(options_);
    const auto bytes = pages_.bytes().subspan(static_cast<std::size_t>(page * size),
                                              static_cast<std::size_t>(size));
    return {bytes.begin(), bytes.end()};
  }

private:
  void pretend(const SequenceStep& sequence, SequenceResult& result) const {
    result.next_token = 0;
    if (sequence.wants_logits) {
      result.logits.assign(static_cast<std::size_t>(options_.shape.vocab), 0.0F);
    }
  }

  DeviceOptions options_;
  kernels::KvLayout layout_;
  MappedMemory pages_;
  MappedMemory host_;
  std::optional<HostTransformer> model_;
  HostPace pace_;
  HostCopies copies_;  ///< its threads use pages_ and pace_
};

[[noreturn]] void refuse(const std::string& where, const std::string& problem) {
  throw InputError({"device host", 0, 0}, where, problem);
}

void expect_shape(const models::ModelShape& shape) {
  const auto no = [&](const std::string& problem) {
    refuse("model", fmt::format("\"{}\" {}; choose a dense model with grouped-query attention, for "
                                "example laptop-4L",
                                shape.name, problem));
  };
  if (shape.mla_kv_lora > 0) no("has multi-head latent attention");
  if (shape.experts > 0) no("is a mixture of experts");
  if (shape.window_layers > 0) no("has sliding windows");
  if (shape.bytes_per_value != 2) no("does not keep KV in bf16");
  if (shape.dense_layers != shape.layers || shape.dense_ffn <= 0) {
    no("has layers without a dense FFN");
  }
  if (shape.kv_heads <= 0 || shape.q_heads % shape.kv_heads != 0) {
    no("has query heads that are no multiple of its KV heads");
  }
  if (shape.head_dim % 2 != 0) no("has an odd head_dim");
}

void expect_memory(const DeviceOptions& options) {
  const double there =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const double weights =
      options.arithmetic ? static_cast<double>(host_weight_bytes(options.shape)) : 0;
  const double pages =
      static_cast<double>(options.pages) * static_cast<double>(page_bytes(options));
  const auto host = static_cast<double>(options.host_bytes);
  if (weights + pages + host <= 0.9 * there) return;
  constexpr double gib = 1 << 30;
  refuse(
      "memory",
      fmt::format("{:.1f} GiB of weights, {:.1f} GiB of pages and {:.1f} GiB of host tier do not "
                  "fit into this machine's {:.1f} GiB; take a smaller model or less memory",
                  weights / gib, pages / gib, host / gib, there / gib));
}

}  // namespace

std::unique_ptr<Device> make_host_device(const DeviceOptions& options) {
  CALVO_EXPECT(options.block_tokens > 0 && options.pages > 0 && options.host_bytes >= 0);
  CALVO_EXPECT(options.copy_piece > 0);
  expect_shape(options.shape);
  if (options.copy_path || !options.copy_tables.in.times().empty() ||
      !options.copy_tables.out.times().empty() || !options.graphs) {
    refuse("",
           "copies and computes in one way; take --copy-table, --copy-path and --no-graphs "
           "out, they are for device cuda");
  }
  expect_memory(options);
  expect_core(options.copy_core, "copy core");
  expect_core(options.compute_core, "compute core");
  return std::make_unique<HostDevice>(options);
}

}  // namespace calvo::realrun
