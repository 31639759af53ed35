#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/gpu/sm_copy.hpp"
#include "realrun/devices/cuda/copy_runs.hpp"
#include "realrun/devices/cuda/cuda_resources.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// Copies between a GPU's pages and pinned host memory, by the path that the tables say.
///
/// Each direction has streams of its own and is handed to the driver in chunks, at most
/// `chunks_under_way` of at most `chunk_bytes` at a time: what is there cannot be reordered.
///
/// One thread for each direction sleeps until the oldest chunk's event is over, hands over the next
/// chunk, and tells of jobs through an event descriptor. A function queued behind the copies
/// (cudaLaunchHostFunc) could write to it too, but holds the stream up while it runs and is not
/// called after an error; a thread hears of the error, and poll() throws it.
class CudaCopies final : public CopyEngine {
public:
  static constexpr std::int64_t chunk_bytes = 8 << 20;
  static constexpr std::size_t chunk_blocks = 4096;
  static constexpr int chunks_under_way = 4;
  /// Four of these keep a link of 60 GB/s busy for 140 us, longer than it takes to wake up and hand
  /// over the next; each is a few calls.
  static constexpr std::int64_t job_bytes = 2 << 20;

  /// `pages` [options.pages][page_bytes(options)] on `gpu`, 16-byte aligned; `host` is pinned. Both
  /// and `options` outlive this.
  CudaCopies(int gpu, std::byte* pages, std::span<std::byte> host, const DeviceOptions& options);
  ~CudaCopies() override;

  /// Bytes of the GPU's memory that it takes.
  static std::int64_t staging_bytes(const DeviceOptions& options);

  void post(CopyJob job) override;
  void poll(std::vector<std::uint64_t>& done) override;
  int wait_fd() override { return event_.fd; }
  std::size_t outstanding() const override { return outstanding_; }
  CopyDepth depth() const override;
  std::span<const CopyPath> paths() const override { return copy_paths; }
  void use_tables(CopyTables tables) override { tables_ = std::move(tables); }
  void use_path(std::optional<CopyPath> path) override { wanted_ = path; }

private:
  struct Event {
    int fd;
    Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event();
  };
  /// A chunk's share of staging memory, and tables that kernels read.
  struct Slot {
    DeviceMemory staging;
    std::span<std::int32_t> pages;
    std::span<kernels::gpu::CopyPiece> pieces;
    CudaEvent copied, done;
  };
  struct Posted {
    CopyJob job;
    BlockPart part;
  };
  struct Chunk {
    std::shared_ptr<const Posted> posted;
    CopyChunk plan;
    bool last = false;  ///< of its job
    std::size_t slot = 0;
  };
  /// One direction. `mutex` guards the queues; CUDA calls for it are made under it, too, so that
  /// they keep the order of posting.
  struct Lane {
    explicit Lane(std::int64_t staging_bytes);
    CudaStream engine{Urgency::urgent}, kernels{Urgency::urgent};
    PinnedMemory tables;
    std::vector<Slot> slots;
    std::mutex mutex;
    std::condition_variable_any more;
    std::deque<Chunk> waiting, under_way;
    std::vector<std::size_t> free;
    std::jthread thread;
  };

  Lane& lane_of(CopyDirection direction) { return *lanes_[static_cast<std::size_t>(direction)]; }
  void hand_over(Lane& lane);
  void launch(Lane& lane, const Chunk& chunk);
  void launch_direct(Lane& lane, const Chunk& chunk);
  void launch_batch(Lane& lane, const Chunk& chunk);
  void launch_staged(Lane& lane, const Chunk& chunk, Slot& slot);
  void launch_kernel(Lane& lane, const Chunk& chunk, Slot& slot);
  void copy_run(Lane& lane, const Chunk& chunk, const StagedRun& run, Slot& slot);
  void move_pages(Lane& lane, const Chunk& chunk, const StagedRun& run, Slot& slot);
  std::byte* page_of(const Chunk& chunk, std::size_t block) const;
  void serve(Lane& lane, const std::stop_token& stop);
  void report(std::optional<std::uint64_t> cookie, std::exception_ptr failure);

  int gpu_;
  std::byte* pages_;
  std::span<std::byte> host_;
  const DeviceOptions& options_;
  std::int64_t page_bytes_;
  CopyTables tables_;
  std::optional<CopyPath> wanted_;
  std::size_t outstanding_ = 0;
  Event event_;
  std::mutex done_mutex_;
  std::vector<std::uint64_t> done_;  ///< guarded by done_mutex_, as failure_
  std::exception_ptr failure_;
  std::array<std::unique_ptr<Lane>, 2> lanes_;  ///< last: their threads use all of the above
};

}  // namespace calvo::realrun
