// The reads of one queue pair: cut into slices, signalled sparingly, given back in order. Knows no
// device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "realrun/fabrics/client_parts.hpp"
#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun::verbs {

/// One work request.
struct Slice {
  std::uint64_t number = 0;  ///< counts from 0
  std::uint64_t offset = 0;  ///< in the pool
  std::span<std::byte> into;
  bool signalled = false;
};

struct QueueLimits {
  std::size_t reads = 0;   ///< that are taken at a time
  std::size_t slices = 0;  ///< that are posted at a time
  std::size_t slice = 0;   ///< bytes
  std::uint64_t pool = 0;  ///< bytes that can be read
};

/// Invariants: at most `limits.slices` slices are posted and have not landed; at least the last
/// slice of each signalled read, each half of the queue and the last slice of each chain are
/// signalled, so that every slice is spoken for and the queue never stalls. Nothing is posted from
/// a read that lies outside the pool on.
class ReadQueue {
public:
  explicit ReadQueue(const QueueLimits& limits) : limits_(limits) {}

  /// Takes the leading reads that there is room for.
  std::size_t accept(std::span<const Read> chain);

  /// The next slices to post, as one chain; empty while the queue is full or nothing waits.
  std::span<const Slice> next_chain();

  /// Slices up to `number` have landed, of a completion; signalled reads are done.
  void landed(std::uint64_t number, transport::Completions& done);

  /// Slices below `number` have landed, as its failure tells: they were before it.
  void landed_before(std::uint64_t number, transport::Completions& done);

  /// Nothing lands any more: all reads come back, the oldest with `oldest`, others as flushed.
  void give_back(ReadStatus oldest, transport::Completions& done);

  bool idle() const { return reads_.empty(); }
  /// Whether the oldest read cannot be: all before it are done.
  bool at_wrong_read() const { return !reads_.empty() && is_wrong(reads_.front().read); }
  std::size_t posted() const { return static_cast<std::size_t>(next_ - landed_); }

private:
  struct Waiting {
    Read read;
    std::uint64_t end = 0;  ///< number behind its last slice, once that is posted; else 0
  };

  bool is_wrong(const Read& read) const;

  QueueLimits limits_;
  std::deque<Waiting> reads_;  ///< in order; the first `cut_` of them are posted completely
  std::size_t cut_ = 0;
  std::size_t cut_bytes_ = 0;    ///< of the next one, posted
  std::uint64_t next_ = 0;       ///< number of the next slice
  std::uint64_t landed_ = 0;     ///< slices that have landed
  std::size_t unsignalled_ = 0;  ///< since the last signalled one
  std::vector<Slice> chain_;
};

}  // namespace calvo::realrun::verbs
