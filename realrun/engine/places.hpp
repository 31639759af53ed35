#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"

namespace calvo::realrun {

/// Numbered places of memory for one block each (the pages of a device, the slots of a host tier):
/// which block lies where, and which places may not be touched because something physical still
/// reads or writes them.
///
/// The control plane counts places and evicts silently; this finds out when it needs one: a sweep
/// frees every place whose block the books deny. So it has some places more than the books count,
/// and a sweep is paid for by as many evictions. A held place is never given out, whatever
/// anybody's books say.
class Places {
public:
  static constexpr std::int32_t none = -1;

  struct Hooks {
    std::function<bool(BlockId)> kept;         ///< whether the books say that a block is here
    std::function<void(std::int32_t)> taken;   ///< a free place is about to be given out
    std::function<void(std::int32_t)> vacant;  ///< a place has become free
  };

  /// Requires: count >= 0; `kept` is set.
  Places(std::int32_t count, Hooks hooks);

  std::int32_t count() const { return static_cast<std::int32_t>(places_.size()); }
  std::int32_t find(BlockId block) const;

  /// A place without a name. Requires: the books have no more in use than they may.
  std::int32_t take();
  /// Requires: `place` is taken and has no name; no place has this one.
  void name(std::int32_t place, BlockId block);
  /// Its taker has no more use for it: it is free as soon as nobody holds it.
  void release(std::int32_t place);

  /// A place for `block`, which the books have just reserved, named and held. One that still has
  /// the name from before is used again, unless something holds it.
  std::int32_t take_for(BlockId block);

  void hold(std::int32_t place);
  void drop(std::int32_t place);

  bool is_held(std::int32_t place) const {
    return places_.at(static_cast<std::size_t>(place)).holders > 0;
  }
  std::int32_t free() const { return static_cast<std::int32_t>(free_.size()); }
  std::int32_t held() const { return held_; }
  /// Frees what the books deny; says how many.
  std::int32_t sweep();

private:
  struct Place {
    std::uint64_t block = 0;
    std::int32_t holders = 0;
    bool taken = false;
    bool named = false;
  };
  void vacate(std::int32_t place);
  Place& at(std::int32_t place);

  Hooks hooks_;
  std::vector<Place> places_;
  std::vector<std::int32_t> free_;
  std::unordered_map<std::uint64_t, std::int32_t> by_block_;
  std::int32_t held_ = 0;
};

}  // namespace calvo::realrun
