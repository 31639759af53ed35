// What computes: pages of KV, copies between them and host memory, steps of a transformer.
//
// Pages are numbered slots of KV memory of one block each, laid out as
// realrun/wire/block_format.hpp says. Who owns which page is the caller's business; the device sees
// page tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/contract.hpp"
#include "core/ids.hpp"
#include "core/units.hpp"
#include "models/model_shape.hpp"
#include "realrun/devices/copy_path.hpp"

namespace calvo::realrun {

struct DeviceOptions {
  models::ModelShape shape;  ///< GQA, dense FFN
  std::uint64_t seed = 1;    ///< of the weights
  std::int32_t block_tokens = 0;
  std::int64_t pages = 0;
  std::int64_t host_bytes = 0;              ///< of pinned memory for the host tier
  std::optional<BytesPerSecond> copy_pace;  ///< each direction; host device: stands for a PCIe link
  std::int64_t copy_piece =
      256 << 10;  ///< host device: bytes copied between two looks at the clock
  /// Host device: a step takes at least this long, so that two cores can stand for a GPU whose
  /// arithmetic they cannot carry: per step, per new token, per new token and 1,000 tokens that it
  /// attends to (step_pace() below). Each layer has an equal share, counted from when its KV is
  /// there.
  Seconds pace_step{0}, pace_token{0}, pace_context{0};
  bool arithmetic = true;                      ///< false: pace only; logits are zero (load tests)
  std::optional<int> copy_core, compute_core;  ///< pin these threads' work to a core
  std::int32_t instance = 0;  ///< GPU devices: uses GPU `instance` of those there are, modulo
  CopyTables copy_tables;     ///< GPU devices: which path copies take
  std::optional<CopyPath> copy_path;    ///< GPU devices: always this one
  std::int32_t copy_thread_blocks = 4;  ///< GPU devices: that path kernel takes at most
  bool graphs = true;                   ///< GPU devices: captured ones for steps of decodes
};

/// KV of one block between a page and host memory (a slot's payload).
struct PageCopy {
  std::int32_t page = 0;
  std::byte* host = nullptr;
};

enum class CopyDirection : std::uint8_t { in, out };  ///< in: host to device

struct CopyJob {
  CopyDirection direction{};
  std::vector<PageCopy> blocks;
  std::int32_t first_layer = 0;
  std::int32_t layers = 0;  ///< 0: all
  std::uint64_t cookie = 0;
};

/// How much a copy engine wants to have of a direction, to stay busy. What is posted cannot be
/// reordered.
struct CopyDepth {
  std::int64_t posted = 2 << 20;  ///< bytes posted and not over
  std::int64_t job = 256 << 10;   ///< bytes of a job, of small blocks
};

/// Asynchronous copies; each direction completes in its own order of posting. One thread posts and
/// polls; the others may call nothing of it.
class CopyEngine {
public:
  virtual ~CopyEngine() = default;
  virtual void post(CopyJob job) = 0;
  /// Cookies of jobs that are over, appended. Never blocks.
  virtual void poll(std::vector<std::uint64_t>& done) = 0;
  /// For poll(2) and epoll: readable while poll() has something, and no more after it. -1: there is
  /// none, call poll() now and then.
  virtual int wait_fd() = 0;
  virtual std::size_t outstanding() const = 0;
  virtual CopyDepth depth() const { return {}; }

  /// The ways that it can go, for calvo calibrate; none: there is one only.
  virtual std::span<const CopyPath> paths() const { return {}; }
  /// For jobs posted from now on, instead of DeviceOptions'.
  virtual void use_tables(CopyTables) {}
  /// For jobs posted from now on; nothing: as the tables say. Requires: one of paths().
  virtual void use_path(std::optional<CopyPath> path) {
    CALVO_EXPECT(!path);  // there is nothing to choose from
  }
};

/// New tokens of one sequence in a step: prefill (many) or decode (one).
struct SequenceStep {
  std::span<const std::int32_t> tokens;  ///< new token ids, in [0, vocab)
  std::int64_t context = 0;              ///< tokens before them whose KV lies in the pages
  std::span<const std::int32_t> pages;   ///< cover context + tokens.size() positions
  bool wants_logits = false;
};

/// Bytes of one page: the payload of a block.
std::int64_t page_bytes(const DeviceOptions& options);

/// How long a step takes at least under the pacing of `options`: pace_step + sum over sequences of
/// new * (pace_token + pace_context * (context + new / 2) / 1000), models::LinearComputeModel's
/// lines.
Seconds step_pace(const DeviceOptions& options, std::span<const SequenceStep> sequences);

/// Throws ContractViolation for sequences without new tokens, with tokens outside of the
/// vocabulary, or with page tables that are too short or name pages that there are not.
void expect_valid(const DeviceOptions& options, std::span<const SequenceStep> sequences);

struct SequenceResult {
  std::int32_t next_token = -1;  ///< greedy
  std::vector<float> logits;     ///< [vocab] after the last new token; empty unless wanted
};

/// One iteration: sequences share no page that is written in it.
struct StepInput {
  std::span<const SequenceStep> sequences;
  /// Called before layer l is computed, if set: blocks until its KV has landed.
  std::function<void(std::int32_t layer)> wait_for_layer;
};

class Device {
public:
  virtual ~Device() = default;

  virtual std::string description() const = 0;
  virtual const DeviceOptions& options() const = 0;

  /// Memory that copies run fastest from and fabrics read into. Lives as long as the device.
  virtual std::span<std::byte> host_memory() = 0;
  /// Whether the system has pinned it. It works unpinned too, at the mercy of paging.
  virtual bool host_memory_locked() const = 0;

  virtual CopyEngine& copies() = 0;

  /// Computes one iteration and returns when its results are there: writes the new tokens' KV into
  /// the pages, then one result for each sequence. One thread at a time, any thread.
  virtual void step(const StepInput& input, std::vector<SequenceResult>& results) = 0;

  /// Nothing takes its time any more because of a pace, neither what is under way nor what comes: a
  /// run is to end soon. Any thread, at any time.
  virtual void end_pace() {}

  /// For tests and oracles: the payload of a page.
  virtual std::vector<std::byte> read_page(std::int32_t page) = 0;
};

struct DeviceInfo {
  std::string_view name;  ///< host, cuda
  std::string_view description;
  std::optional<std::string> missing;
  std::unique_ptr<Device> (*make)(const DeviceOptions& options) = nullptr;
};

std::vector<DeviceInfo> devices();
/// The one called `name`, usable here. Throws InputError.
DeviceInfo device(std::string_view name);

}  // namespace calvo::realrun
