#include "realrun/engine/kv_addresses.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::realrun {

std::int32_t spare_places(std::int64_t counted) {
  return static_cast<std::int32_t>(std::max<std::int64_t>(64, counted / 64));
}

std::int32_t places_for(std::int64_t counted, std::int32_t decoding) {
  if (counted == 0) return 0;
  return static_cast<std::int32_t>(counted) + spare_places(counted) + decoding;
}

KvAddresses::KvAddresses(const Settings& settings, const control::Instance& books)
    : settings_(settings),
      books_(books),
      generations_(static_cast<std::size_t>(settings.slots), 0),
      pages_(settings.pages,
             {[&books](BlockId block) { return books.gpu_holds(block); }, nullptr, nullptr}),
      slots_(0, {[](BlockId) { return true; }, nullptr, nullptr}) {
  CALVO_EXPECT(settings.stride >= settings.format.used());
  CALVO_EXPECT(static_cast<std::int64_t>(settings.host.size()) >= settings.slots * settings.stride);
  Places::Hooks hooks{[&books](BlockId block) { return books.host_holds(block); }, nullptr,
                      nullptr};
  if (settings.canaries) {
    canaries_.emplace(settings.host.first(static_cast<std::size_t>(settings.slots) *
                                          static_cast<std::size_t>(settings.stride)),
                      settings.stride, settings.format.used());
    hooks.taken = [this](std::int32_t slot) { canaries_->check_free(slot); };
    hooks.vacant = [this](std::int32_t slot) {
      canaries_->check_gap(slot);
      canaries_->paint(slot);
    };
  }
  slots_ = Places(settings.slots, hooks);
}

BlockSlot KvAddresses::slot(BlockId block, std::int32_t slot) const {
  return {block, settings_.host.data() + static_cast<std::ptrdiff_t>(slot * settings_.stride),
          generations_[static_cast<std::size_t>(slot)]};
}

BlockSlot KvAddresses::fresh_slot(BlockId block, std::int32_t place) {
  ++generations_[static_cast<std::size_t>(place)];
  return slot(block, place);
}

std::optional<BlockId> KvAddresses::block_at(const RequestSpec& spec, std::int64_t position) {
  for (const BlockRun& run : spec.blocks) {
    if (position < run.count) return block_of(run, position);
    position -= run.count;
  }
  return std::nullopt;
}

std::vector<std::int32_t> KvAddresses::table(const RequestSpec& spec, std::int64_t context,
                                             std::int64_t tokens) {
  Request& request = requests_[raw(spec.id)];
  const std::int64_t block = settings_.block_tokens;
  const auto blocks = static_cast<std::size_t>((tokens + block - 1) / block);
  while (request.table.size() < blocks) {
    const auto position = static_cast<std::int64_t>(request.table.size());
    std::int32_t page = Places::none;
    const bool shared = (position + 1) * block <= context;
    if (shared) {
      const auto id = block_at(spec, position);
      CALVO_EXPECT(id.has_value());
      page = pages_.find(*id);
      CALVO_EXPECT(page != Places::none);
    } else {
      CALVO_EXPECT(position * block >= context);  // a block with some KV has a page already
      page = pages_.take();
    }
    request.table.push_back(page);
    request.own.push_back(!shared);
  }
  const auto end = request.table.begin() + static_cast<std::ptrdiff_t>(blocks);
  return {request.table.begin(), end};
}

std::int64_t KvAddresses::lacking(RequestId request, std::int64_t tokens) const {
  const auto held = static_cast<std::int64_t>(requests_.at(raw(request)).table.size());
  const std::int64_t block = settings_.block_tokens;
  return std::max<std::int64_t>(0, (tokens + block - 1) / block - held);
}

void KvAddresses::computed(RequestId id, std::int64_t tokens) {
  Request& request = requests_.at(raw(id));
  request.computed = tokens;
  const auto blocks =
      static_cast<std::size_t>((tokens + settings_.block_tokens - 1) / settings_.block_tokens);
  while (request.table.size() > blocks) {
    CALVO_EXPECT(request.own.back());
    pages_.release(request.table.back());
    request.table.pop_back();
    request.own.pop_back();
  }
}

std::int64_t KvAddresses::computed(RequestId request) const {
  return requests_.at(raw(request)).computed;
}

void KvAddresses::share(const RequestSpec& spec, std::int32_t named) {
  Request& request = requests_.at(raw(spec.id));
  const auto full = request.computed / settings_.block_tokens;
  CALVO_EXPECT(named <= full);
  for (std::int32_t position = 0; position < named; ++position) {
    const auto at = static_cast<std::size_t>(position);
    if (!request.own[at]) continue;
    const auto id = block_at(spec, position);
    CALVO_EXPECT(id.has_value());
    const std::int32_t known = pages_.find(*id);
    if (known == Places::none) {
      pages_.name(request.table[at], *id);
    } else {
      pages_.release(request.table[at]);
      request.table[at] = known;
    }
    request.own[at] = false;
  }
}

void KvAddresses::share_what_is_kept(const RequestSpec& spec) {
  const auto found = requests_.find(raw(spec.id));
  if (found == requests_.end()) return;
  Request& request = found->second;
  const auto full = static_cast<std::size_t>(request.computed / settings_.block_tokens);
  for (std::size_t at = 0; at < std::min(full, request.table.size()); ++at) {
    if (!request.own[at]) continue;
    const auto id = block_at(spec, static_cast<std::int64_t>(at));
    if (!id || pages_.find(*id) != Places::none || !books_.gpu_holds(*id)) continue;
    pages_.name(request.table[at], *id);
    request.own[at] = false;
  }
}

void KvAddresses::forget(RequestId request) {
  const auto found = requests_.find(raw(request));
  if (found == requests_.end()) return;
  const Request& gone = found->second;
  for (std::size_t at = 0; at < gone.table.size(); ++at) {
    if (gone.own[at]) pages_.release(gone.table[at]);
  }
  requests_.erase(found);
}

void KvAddresses::check_canaries() const {
  if (canaries_) canaries_->check_all_gaps();
}

}  // namespace calvo::realrun
