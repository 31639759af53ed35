#include "realrun/devices/cuda/cuda_copies.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <nvtx3/nvtx3.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "kernels/gpu/kv_copy.hpp"
#include "realrun/devices/thread_tools.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t table_bytes =
    std::int64_t{CudaCopies::chunk_blocks} *
    std::int64_t{sizeof(std::int32_t) + sizeof(kernels::gpu::CopyPiece)};

ChunkLimits limits_of(const DeviceOptions& options) {
  return {CudaCopies::staging_bytes(options) / (2 * CudaCopies::chunks_under_way),
          CudaCopies::chunk_blocks};
}

cudaMemcpyKind kind_of(CopyDirection direction) {
  return direction == CopyDirection::in ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost;
}

}  // namespace

CudaCopies::Event::Event() : fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

CudaCopies::Event::~Event() {
  close(fd);
}

CudaCopies::Lane::Lane(std::int64_t staging_bytes) : tables(chunks_under_way * table_bytes) {
  const auto pieces = tables.as<kernels::gpu::CopyPiece>().first(chunks_under_way * chunk_blocks);
  const auto pages = tables.as<std::int32_t>().last(chunks_under_way * chunk_blocks);
  for (std::size_t i = 0; i < chunks_under_way; ++i) {
    slots.push_back({DeviceMemory(staging_bytes), pages.subspan(i * chunk_blocks, chunk_blocks),
                     pieces.subspan(i * chunk_blocks, chunk_blocks), CudaEvent(), CudaEvent()});
    free.push_back(i);
  }
}

CudaCopies::CudaCopies(int gpu, std::byte* pages, std::span<std::byte> host,
                       const DeviceOptions& options)
    : gpu_(gpu),
      pages_(pages),
      host_(host),
      options_(options),
      page_bytes_(realrun::page_bytes(options)),
      tables_(options.copy_tables),
      wanted_(options.copy_path) {
  for (std::unique_ptr<Lane>& lane : lanes_) {
    lane = std::make_unique<Lane>(limits_of(options).bytes);
  }
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    lane->thread =
        std::jthread([this, &lane = *lane](const std::stop_token& stop) { serve(lane, stop); });
  }
}

CudaCopies::~CudaCopies() {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->thread.request_stop();
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    lane->thread.join();
    cudaStreamSynchronize(lane->engine.get());  // nothing may write once memory is given back
    cudaStreamSynchronize(lane->kernels.get());
  }
}

std::int64_t CudaCopies::staging_bytes(const DeviceOptions& options) {
  // One slot with its gap at least, whatever the size of a block.
  const std::int64_t slot = realrun::page_bytes(options) / 16 * 17 + 512;
  return std::int64_t{2} * chunks_under_way * std::max(chunk_bytes, slot);
}

CopyDepth CudaCopies::depth() const {
  return {chunks_under_way * job_bytes, job_bytes};
}

void CudaCopies::post(CopyJob job) {
  for (const PageCopy& block : job.blocks) {
    CALVO_EXPECT(0 <= block.page && block.page < options_.pages);
    CALVO_EXPECT(block.host >= host_.data() &&
                 block.host + page_bytes_ <= host_.data() + host_.size());
  }
  const BlockPart part = part_of(job, page_bytes_, options_.shape.layers);
  Lane& lane = lane_of(job.direction);
  const CopyTable& table = job.direction == CopyDirection::in ? tables_.in : tables_.out;
  std::vector<CopyChunk> chunks =
      copy_chunks(job, part, page_bytes_, table, wanted_, limits_of(options_));
  const auto posted = std::make_shared<const Posted>(Posted{std::move(job), part});
  ++outstanding_;
  {
    const std::scoped_lock lock(lane.mutex);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      lane.waiting.push_back({posted, std::move(chunks[i]), i + 1 == chunks.size(), 0});
    }
    cuda_check(cudaSetDevice(gpu_), "cudaSetDevice");
    hand_over(lane);
  }
  lane.more.notify_one();
}

void CudaCopies::poll(std::vector<std::uint64_t>& done) {
  const std::scoped_lock lock(done_mutex_);
  if (failure_) std::rethrow_exception(failure_);
  if (done_.empty()) return;
  std::uint64_t count = 0;
  CALVO_ENSURE(read(event_.fd, &count, sizeof count) == sizeof count);
  done.insert(done.end(), done_.begin(), done_.end());
  outstanding_ -= done_.size();
  done_.clear();
}

/// As many chunks as there are slots for. Requires: lane.mutex is held.
void CudaCopies::hand_over(Lane& lane) {
  while (!lane.waiting.empty() && !lane.free.empty()) {
    Chunk chunk = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    chunk.slot = lane.free.back();
    lane.free.pop_back();
    launch(lane, chunk);
    lane.under_way.push_back(std::move(chunk));
  }
}

void CudaCopies::launch(Lane& lane, const Chunk& chunk) {
  const nvtx3::scoped_range range("copies");
  Slot& slot = lane.slots[chunk.slot];
  if (chunk.plan.count == 0) return slot.done.record(lane.engine);
  switch (chunk.plan.path) {
    case CopyPath::direct:
      launch_direct(lane, chunk);
      break;
    case CopyPath::batch:
      launch_batch(lane, chunk);
      break;
    case CopyPath::staged:
      return launch_staged(lane, chunk, slot);
    case CopyPath::kernel:
      return launch_kernel(lane, chunk, slot);
  }
  slot.done.record(lane.engine);
}

std::byte* CudaCopies::page_of(const Chunk& chunk, std::size_t block) const {
  return pages_ + chunk.posted->job.blocks[block].page * page_bytes_ + chunk.posted->part.offset;
}

void CudaCopies::launch_direct(Lane& lane, const Chunk& chunk) {
  const auto& [job, part] = *chunk.posted;
  const bool in = job.direction == CopyDirection::in;
  for (std::size_t i = chunk.plan.first; i < chunk.plan.first + chunk.plan.count; ++i) {
    std::byte* page = page_of(chunk, i);
    std::byte* host = job.blocks[i].host + part.offset;
    cuda_check(
        cudaMemcpyAsync(in ? page : host, in ? host : page, static_cast<std::size_t>(part.size),
                        kind_of(job.direction), lane.engine.get()),
        "cudaMemcpyAsync");
  }
}

void CudaCopies::launch_batch(Lane& lane, const Chunk& chunk) {
  const auto& [job, part] = *chunk.posted;
  const bool in = job.direction == CopyDirection::in;
  std::vector<void*> to;
  std::vector<const void*> from;
  for (std::size_t i = chunk.plan.first; i < chunk.plan.first + chunk.plan.count; ++i) {
    std::byte* page = page_of(chunk, i);
    std::byte* host = job.blocks[i].host + part.offset;
    to.push_back(in ? page : host);
    from.push_back(in ? host : page);
  }
  const std::vector<std::size_t> sizes(to.size(), static_cast<std::size_t>(part.size));
  cudaMemcpyAttributes all{};
  all.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
  all.flags = cudaMemcpyFlagPreferOverlapWithCompute;
  std::size_t first = 0;
  cuda_check(cudaMemcpyBatchAsync(to.data(), from.data(), sizes.data(), to.size(), &all, &first, 1,
                                  lane.engine.get()),
             "cudaMemcpyBatchAsync");
}

/// Between staging memory and the host, by the copy engine.
void CudaCopies::copy_run(Lane& lane, const Chunk& chunk, const StagedRun& run, Slot& slot) {
  const auto& [job, part] = *chunk.posted;
  const bool in = job.direction == CopyDirection::in;
  std::byte* staging = slot.staging.data() + run.staging;
  const auto size = static_cast<std::size_t>(part.size);
  if (run.contiguous()) {
    const std::size_t all = (run.count - 1) * static_cast<std::size_t>(run.host_stride) + size;
    cuda_check(cudaMemcpyAsync(in ? staging : run.host, in ? run.host : staging, all,
                               kind_of(job.direction), lane.engine.get()),
               "cudaMemcpyAsync");
    return;
  }
  const auto staging_pitch = static_cast<std::size_t>(run.staging_stride);
  const auto host_pitch = static_cast<std::size_t>(run.host_stride);
  cuda_check(cudaMemcpy2DAsync(in ? staging : run.host, in ? staging_pitch : host_pitch,
                               in ? run.host : staging, in ? host_pitch : staging_pitch, size,
                               run.count, kind_of(job.direction), lane.engine.get()),
             "cudaMemcpy2DAsync");
}

/// Between staging memory and pages, by a kernel.
void CudaCopies::move_pages(Lane& lane, const Chunk& chunk, const StagedRun& run, Slot& slot) {
  const auto& [job, part] = *chunk.posted;
  const kernels::gpu::KvCopy args{.pool = pages_,
                                  .table = slot.pages.data() + (run.first - chunk.plan.first),
                                  .staging = slot.staging.data() + run.staging,
                                  .checksums = nullptr,
                                  .blocks = static_cast<std::int64_t>(run.count),
                                  .page_size = Bytes{page_bytes_},
                                  .staging_stride = Bytes{run.staging_stride},
                                  .range = {Bytes{part.offset}, Bytes{part.size}}};
  if (job.direction == CopyDirection::in) {
    kernels::gpu::kv_scatter(args, lane.kernels.get());
  } else {
    kernels::gpu::kv_gather(args, lane.kernels.get());
  }
}

void CudaCopies::launch_staged(Lane& lane, const Chunk& chunk, Slot& slot) {
  const CopyJob& job = chunk.posted->job;
  for (std::size_t i = 0; i < chunk.plan.count; ++i) {
    slot.pages[i] = job.blocks[chunk.plan.first + i].page;
  }
  if (job.direction == CopyDirection::in) {
    for (const StagedRun& run : chunk.plan.runs) copy_run(lane, chunk, run, slot);
    slot.copied.record(lane.engine);
    lane.kernels.wait_for(slot.copied.get());
    for (const StagedRun& run : chunk.plan.runs) move_pages(lane, chunk, run, slot);
    slot.done.record(lane.kernels);
    return;
  }
  for (const StagedRun& run : chunk.plan.runs) move_pages(lane, chunk, run, slot);
  slot.copied.record(lane.kernels);
  lane.engine.wait_for(slot.copied.get());
  for (const StagedRun& run : chunk.plan.runs) copy_run(lane, chunk, run, slot);
  slot.done.record(lane.engine);
}

void CudaCopies::launch_kernel(Lane& lane, const Chunk& chunk, Slot& slot) {
  const auto& [job, part] = *chunk.posted;
  const bool in = job.direction == CopyDirection::in;
  for (std::size_t i = 0; i < chunk.plan.count; ++i) {
    const std::size_t block = chunk.plan.first + i;
    std::byte* page = page_of(chunk, block);
    std::byte* host = job.blocks[block].host + part.offset;
    slot.pieces[i] = {in ? host : page, in ? page : host};
  }
  kernels::gpu::sm_copy({.pieces = slot.pieces.data(),
                         .count = static_cast<std::int64_t>(chunk.plan.count),
                         .size = Bytes{part.size},
                         .thread_blocks = options_.copy_thread_blocks},
                        lane.kernels.get());
  slot.done.record(lane.kernels);
}

void CudaCopies::serve(Lane& lane, const std::stop_token& stop) {
  try {
    pin_this_thread(options_.copy_core);
    cuda_check(cudaSetDevice(gpu_), "cudaSetDevice");
    std::unique_lock lock(lane.mutex);
    while (lane.more.wait(lock, stop, [&] { return !lane.under_way.empty(); })) {
      const std::size_t slot = lane.under_way.front().slot;
      lock.unlock();
      lane.slots[slot].done.wait();
      lock.lock();
      const Chunk over = std::move(lane.under_way.front());
      lane.under_way.pop_front();
      lane.free.push_back(slot);
      if (!stop.stop_requested()) hand_over(lane);
      lock.unlock();
      if (over.last) report(over.posted->job.cookie, nullptr);
      lock.lock();
    }
  } catch (const std::exception&) {
    report(std::nullopt, std::current_exception());
  }
}

void CudaCopies::report(std::optional<std::uint64_t> cookie, std::exception_ptr failure) {
  const std::scoped_lock lock(done_mutex_);
  if (done_.empty() && !failure_) {
    const std::uint64_t one = 1;
    CALVO_ENSURE(write(event_.fd, &one, sizeof one) == sizeof one);
  }
  if (failure) failure_ = std::move(failure);
  if (cookie) done_.push_back(*cookie);
}

}  // namespace calvo::realrun
