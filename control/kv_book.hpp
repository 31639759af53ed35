#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "core/request.hpp"

namespace calvo::control {

/// Which blocks lie in one tier of finite capacity, who needs them, and which goes next.
///
/// A block is absent, loading (its slot is taken, a transfer `owner` fills it) or resident; blocks
/// in use are pinned, as often as they are used. Resident blocks that nobody pins stay as cache and
/// are evicted least recently used first; within one prefix the deepest goes first, so that what
/// remains is always a prefix. Slots without a name (KV that no other request can share) are only
/// counted.
///
/// Kept in extents: runs of consecutive ids in one state. An operation costs O(log n) for n extents
/// and each extent that it touches, whatever the number of blocks, and allocates nothing once the
/// pool of extents has grown.
///
/// Invariant: 0 <= used() <= capacity(), and used() counts resident, loading and anonymous slots.
class KvBook {
public:
  enum class State : std::uint8_t { absent, loading, resident };

  /// The leading piece of a run that is in one state.
  struct Piece {
    State state = State::absent;
    std::int32_t count = 0;    ///< >= 1
    std::uint32_t owner = 0;   ///< loading: the transfer's slot, as given to reserve()
    std::uint8_t touches = 0;  ///< how often it was pinned, up to 255; 0 unless counted
    bool pinned = false;
  };

  /// `count_touches`: keep Piece::touches, at the price of more extents.
  explicit KvBook(std::int64_t capacity, bool count_touches = false);
  KvBook(const KvBook&) = delete;
  KvBook& operator=(const KvBook&) = delete;
  ~KvBook();

  std::int64_t capacity() const { return capacity_; }
  std::int64_t used() const { return used_; }
  std::int64_t evictable() const { return evictable_; }
  /// Slots that a caller can have: free, or freed by evicting.
  std::int64_t available() const { return capacity_ - used_ + evictable_; }
  std::int64_t evictions() const { return evictions_; }
  std::int64_t extents() const { return static_cast<std::int64_t>(by_id_.size()); }

  /// Requires: run.count > 0.
  Piece look(BlockRun run) const;
  /// Leading blocks of `run` that are resident.
  std::int32_t resident_prefix(BlockRun run) const;

  /// Requires: all of `run` is resident.
  void pin(BlockRun run);
  void unpin(BlockRun run);

  /// Evicts until `slots` are free. Requires: slots <= available().
  void make_room(std::int64_t slots);
  /// Takes slots for absent blocks and pins them once; evicts as needed.
  void reserve(BlockRun run, std::uint32_t owner);
  /// Loading blocks have landed; they stay pinned.
  void fill(BlockRun run);
  /// Loading blocks will not land: their slots are free again.
  void drop(BlockRun run);

  /// Anonymous slots.
  void take(std::int64_t slots);
  void give(std::int64_t slots);
  /// Anonymous slots get names: resident and pinned once. Requires: all of `run` absent.
  void adopt(BlockRun run);

  /// Records evicted runs from now on, oldest first, for take_evicted().
  void record_evictions() { record_ = true; }
  /// Moves what was evicted since the last call to the end of `out`.
  void take_evicted(std::vector<BlockRun>& out);

private:
  struct Extent : boost::intrusive::set_base_hook<boost::intrusive::optimize_size<true>>,
                  boost::intrusive::list_base_hook<> {
    std::uint64_t first = 0;
    std::int64_t count = 0;
    std::int32_t pins = 0;
    std::uint32_t owner = 0;
    State state = State::absent;
    std::uint8_t touches = 0;

    std::uint64_t end() const { return first + static_cast<std::uint64_t>(count); }
  };
  struct KeyOf {
    using type = std::uint64_t;
    type operator()(const Extent& extent) const { return extent.first; }
  };
  using ById = boost::intrusive::set<Extent, boost::intrusive::key_of_value<KeyOf>>;
  using Recency = boost::intrusive::list<Extent>;

  Extent& make(std::uint64_t first, std::int64_t count);
  void destroy(ById::iterator extent);
  /// The extent that holds `id`, or end().
  ById::iterator find(std::uint64_t id);
  ById::const_iterator find(std::uint64_t id) const;
  /// Makes `at` the first id of an extent; returns the extent from `at` on.
  ById::iterator split(ById::iterator extent, std::uint64_t at);
  /// Extents that cover exactly `run`; returns the first. Requires: no gaps.
  ById::iterator isolate(BlockRun run);
  void insert(BlockRun run, State state, std::uint32_t owner);
  void to_most_recent(ById::iterator extent);

  std::int64_t capacity_;
  std::int64_t used_ = 0;
  std::int64_t evictable_ = 0;
  std::int64_t anonymous_ = 0;
  std::int64_t evictions_ = 0;
  bool count_touches_;
  bool record_ = false;
  std::deque<Extent> storage_;
  std::vector<Extent*> pool_;
  ById by_id_;
  Recency unpinned_;  ///< most recent first; within a prefix, deepest last
  std::vector<BlockRun> evicted_;
};

}  // namespace calvo::control
