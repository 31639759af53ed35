#include "realrun/fabrics/verbs_queue.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::realrun::verbs {

std::size_t ReadQueue::accept(std::span<const Read> chain) {
  const std::size_t taken = std::min(chain.size(), limits_.reads - reads_.size());
  for (const Read& read : chain.first(taken)) reads_.push_back({read});
  return taken;
}

bool ReadQueue::is_wrong(const Read& read) const {
  return read.into.empty() || read.offset > limits_.pool ||
         read.into.size() > limits_.pool - read.offset;
}

std::span<const Slice> ReadQueue::next_chain() {
  chain_.clear();
  while (cut_ < reads_.size() && posted() < limits_.slices) {
    Waiting& waiting = reads_[cut_];
    const Read& read = waiting.read;
    if (is_wrong(read)) break;
    const std::size_t bytes = std::min(limits_.slice, read.into.size() - cut_bytes_);
    Slice& slice = chain_.emplace_back();
    slice.number = next_++;
    slice.offset = read.offset + cut_bytes_;
    slice.into = read.into.subspan(cut_bytes_, bytes);
    cut_bytes_ += bytes;
    const bool last = cut_bytes_ == read.into.size();
    if (last) {
      waiting.end = next_;
      cut_bytes_ = 0;
      ++cut_;
    }
    ++unsignalled_;
    slice.signalled = (last && read.signalled) || 2 * unsignalled_ >= limits_.slices;
    if (slice.signalled) unsignalled_ = 0;
  }
  if (!chain_.empty()) {
    chain_.back().signalled = true;
    unsignalled_ = 0;
  }
  return chain_;
}

void ReadQueue::landed(std::uint64_t number, transport::Completions& done) {
  landed_before(number + 1, done);
}

void ReadQueue::landed_before(std::uint64_t number, transport::Completions& done) {
  CALVO_EXPECT(number >= landed_ && number <= next_);
  landed_ = number;
  while (cut_ > 0 && reads_.front().end <= landed_) {
    const Read& read = reads_.front().read;
    if (read.signalled) done.push_back({read.cookie, ReadStatus::ok});
    reads_.pop_front();
    --cut_;
  }
}

void ReadQueue::give_back(ReadStatus oldest, transport::Completions& done) {
  for (const Waiting& waiting : reads_) {
    done.push_back({waiting.read.cookie, oldest});
    oldest = ReadStatus::flushed;
  }
  reads_.clear();
  cut_ = 0;
  cut_bytes_ = 0;
  landed_ = next_;
}

}  // namespace calvo::realrun::verbs
