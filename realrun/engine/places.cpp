#include "realrun/engine/places.hpp"

#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {

Places::Places(std::int32_t count, Hooks hooks) : hooks_(std::move(hooks)) {
  CALVO_EXPECT(count >= 0 && hooks_.kept);
  places_.resize(static_cast<std::size_t>(count));
  for (std::int32_t place = count; place-- > 0;) vacate(place);  // lowest numbers first
}

Places::Place& Places::at(std::int32_t place) {
  CALVO_EXPECT(place >= 0 && place < count());
  return places_[static_cast<std::size_t>(place)];
}

std::int32_t Places::find(BlockId block) const {
  const auto found = by_block_.find(raw(block));
  return found == by_block_.end() ? none : found->second;
}

void Places::vacate(std::int32_t place) {
  free_.push_back(place);
  if (hooks_.vacant) hooks_.vacant(place);
}

std::int32_t Places::take() {
  if (free_.empty()) sweep();
  CALVO_ENSURE(!free_.empty());
  const std::int32_t place = free_.back();
  free_.pop_back();
  if (hooks_.taken) hooks_.taken(place);
  at(place).taken = true;
  return place;
}

void Places::name(std::int32_t place, BlockId block) {
  Place& slot = at(place);
  CALVO_EXPECT(slot.taken && !slot.named);
  const bool is_new = by_block_.emplace(raw(block), place).second;
  CALVO_EXPECT(is_new);
  slot.named = true;
  slot.block = raw(block);
}

void Places::release(std::int32_t place) {
  Place& slot = at(place);
  CALVO_EXPECT(slot.taken);
  if (slot.named) by_block_.erase(slot.block);
  slot.taken = slot.named = false;
  if (slot.holders == 0) vacate(place);
}

std::int32_t Places::take_for(BlockId block) {
  std::int32_t place = find(block);
  if (place != none && at(place).holders > 0) {  // a transfer that was given up may still write it
    release(place);
    place = none;
  }
  if (place == none) {
    place = take();
    name(place, block);
  }
  hold(place);
  return place;
}

void Places::hold(std::int32_t place) {
  if (at(place).holders++ == 0) ++held_;
}

void Places::drop(std::int32_t place) {
  Place& slot = at(place);
  CALVO_EXPECT(slot.holders > 0);
  if (--slot.holders > 0) return;
  --held_;
  if (!slot.taken) vacate(place);
}

std::int32_t Places::sweep() {
  std::int32_t freed = 0;
  for (std::int32_t place = 0; place < count(); ++place) {
    const Place& slot = at(place);
    if (!slot.named || slot.holders > 0 || hooks_.kept(BlockId{slot.block})) continue;
    release(place);
    ++freed;
  }
  return freed;
}

}  // namespace calvo::realrun
