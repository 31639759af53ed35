#include "realrun/engine/copy_thread.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t ring_capacity = 4096;
/// Between two looks at an engine that cannot wake a sleeper.
constexpr Nanoseconds look_again{50'000};

}  // namespace

CopyThread::CopyThread(const CopySettings& settings, CopyEngine& engine, const WallClock& clock,
                       NoticeRing& notices, StepGate& gate)
    : settings_(settings),
      engine_(engine),
      clock_(clock),
      notices_(notices),
      gate_(gate),
      orders_(ring_capacity, bell_) {
  CALVO_EXPECT(settings.layers > 0);
}

void CopyThread::start() {
  worker_.start("copy" + std::to_string(settings_.instance), settings_.core, notices_,
                [this] { work(); });
}

void CopyThread::work() {
  while (!stopping_ || engine_.outstanding() > 0) {
    inbox_.clear();
    orders_.drain(inbox_);
    for (CopyThreadOrder& next : inbox_) {
      std::visit([this](auto& it) { order(std::move(it)); }, next);
    }
    done_.clear();
    engine_.poll(done_);
    for (const std::uint64_t cookie : done_) complete(cookie);
    finish_what_is_over(in_);
    finish_what_is_over(out_);
    if (!stopping_) {
      pump(in_);
      pump(out_);
    }
    bell_.arm();
    bool more = !orders_.empty();
    for (const auto& [serial, run] : in_.runs) {  // a fetch may have gone on meanwhile
      more = more || over(run) || (!run.cut && in_.bytes == 0 && available(run) > run.posted);
    }
    if (more) {
      bell_.disarm();
      continue;
    }
    if (stopping_ && engine_.outstanding() == 0) break;
    pollfd engine{engine_.wait_fd(), POLLIN, 0};
    const bool blind = engine.fd < 0;
    bell_.sleep(blind && engine_.outstanding() > 0 ? look_again : Nanoseconds::max(),
                {&engine, blind ? 0U : 1U});
  }
  bell_.disarm();
  gate_.open();
  report_.in = in_.busy.total(clock_.now());
  report_.out = out_.busy.total(clock_.now());
}

void CopyThread::order(CopyOrder order) {
  CALVO_EXPECT(!order.blocks.empty());
  Lane& lane = lane_of(order.direction);
  const std::uint64_t serial = next_serial_++;
  if (order.direction == CopyDirection::in) serial_of_.emplace(raw(order.run), serial);
  Run& run = lane.runs.emplace(serial, Run{}).first->second;
  run.by_layers = order.layer_major && !order.behind;
  run.order = std::move(order);
  run.began = clock_.now();
}

void CopyThread::order(CutOrder cut) {
  const auto serial = serial_of_.find(raw(cut.run));
  if (serial == serial_of_.end()) return;  // it has just ended
  in_.runs.at(serial->second).cut = true;
}

/// Leading blocks whose source is there.
std::size_t CopyThread::available(const Run& run) const {
  const std::size_t all = run.order.blocks.size();
  if (!run.order.behind) return all;
  const std::int32_t landed = run.order.behind->landed.load() - run.order.offset;
  return std::min(all, static_cast<std::size_t>(std::max(0, landed)));
}

/// Gives each run of the lane a job in turn, as long as there is room.
void CopyThread::pump(Lane& lane) {
  const std::int64_t block = settings_.format.payload;
  const CopyDepth depth = engine_.depth();
  const std::int64_t room = std::max(depth.posted, 2 * block);
  const auto per_job = static_cast<std::size_t>(std::max<std::int64_t>(1, depth.job / block));
  auto next = lane.runs.upper_bound(lane.served);
  std::size_t idle = 0;
  while (lane.bytes < room && idle < lane.runs.size()) {
    if (next == lane.runs.end()) next = lane.runs.begin();
    Run& run = next->second;
    const std::size_t ready = available(run);
    const bool fits = run.bytes == 0 || run.bytes + block <= settings_.window.count();
    if (run.cut || ready <= run.posted || !fits) {
      ++idle;
    } else {
      idle = 0;
      post(lane, next->first, run, std::min(per_job, ready - run.posted));
    }
    ++next;
  }
}

void CopyThread::post(Lane& lane, std::uint64_t serial, Run& run, std::size_t blocks) {
  CopyJob job;
  job.direction = run.order.direction;
  job.cookie = next_serial_++;
  for (std::size_t i = 0; i < blocks; ++i) {
    const CopyOrder::Block& block = run.order.blocks[run.posted + i];
    job.blocks.push_back({block.page, block.slot.slot});
  }
  std::int64_t bytes = static_cast<std::int64_t>(blocks) * settings_.format.payload;
  if (run.by_layers) {
    job.first_layer = run.layer;
    job.layers = 1;
    bytes /= settings_.layers;
  }
  if (!run.started) {
    run.started = true;
    run.began = clock_.now();
  }
  lane.busy.begin(clock_.now());
  run.posted += blocks;
  ++run.jobs;
  run.bytes += bytes;
  lane.bytes += bytes;
  lane.served = serial;
  jobs_.emplace(job.cookie, Job{serial, blocks, bytes});
  engine_.post(std::move(job));
}

void CopyThread::complete(std::uint64_t cookie) {
  const auto entry = jobs_.find(cookie);
  CALVO_EXPECT(entry != jobs_.end());
  const Job job = entry->second;
  jobs_.erase(entry);
  const bool in = in_.runs.contains(job.run);
  Lane& lane = in ? in_ : out_;
  Run& run = lane.runs.at(job.run);
  --run.jobs;
  run.bytes -= job.bytes;
  lane.bytes -= job.bytes;
  lane.busy.end(clock_.now());
  (in ? report_.moved_in : report_.moved_out) += Bytes{job.bytes};
  if (!in) {
    for (std::size_t i = run.done; i < run.done + job.blocks; ++i) {
      const BlockSlot& slot = run.order.blocks[i].slot;
      seal_block(settings_.format, {slot.slot, static_cast<std::size_t>(settings_.format.used())},
                 slot.block, slot.generation, settings_.config);
    }
  }
  run.done += job.blocks;
  if (!run.by_layers || run.done < run.order.blocks.size()) return;
  if (run.order.progress) gate_.bring(*run.order.progress, run.layer + 1);
  if (run.layer + 1 < settings_.layers) {
    ++run.layer;
    run.posted = run.done = 0;
  }
}

bool CopyThread::over(const Run& run) const {
  if (run.jobs > 0) return false;
  const bool all = run.done == run.order.blocks.size();
  if (!run.order.behind) return all || run.cut;
  if (run.cut && run.posted == 0) return true;
  if (!run.order.behind->over.load()) return false;
  return all || run.cut || run.done == available(run);
}

void CopyThread::finish_what_is_over(Lane& lane) {
  for (auto run = lane.runs.begin(); run != lane.runs.end();) {
    const auto next = std::next(run);
    if (over(run->second)) end(lane, run);
    run = next;
  }
}

void CopyThread::end(Lane& lane, Runs::iterator found) {
  const Run& run = found->second;
  Notice notice;
  notice.kind = Notice::Kind::event;
  notice.instance = settings_.instance;
  notice.began = run.began;
  notice.ended = clock_.now();
  notice.event.run = run.order.run;
  const std::size_t whole =  // by layers, a block is there when its last layer is
      run.by_layers && run.layer + 1 < settings_.layers ? 0 : run.done;
  notice.event.blocks = static_cast<std::int32_t>(whole);
  if (run.order.direction == CopyDirection::in) {
    notice.event.kind = control::EventKind::copy_done;
    if (run.cut && whole < run.order.blocks.size()) {
      notice.event.status = control::TransferStatus::cut;
    }
    serial_of_.erase(raw(run.order.run));
  } else {
    notice.event.kind = control::EventKind::store_done;
  }
  if (run.order.progress) gate_.bring(*run.order.progress, CopyProgress::all);
  lane.runs.erase(found);
  notices_.push(std::move(notice));
}

}  // namespace calvo::realrun
