#include "realrun/fabrics/verbs_memory.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "core/contract.hpp"

namespace calvo::realrun::verbs {
namespace {

ProtectionDomain make_domain(ibv_context& device) {
  ProtectionDomain domain(ibv_alloc_pd(&device));
  if (!domain) throw system_error("ibv_alloc_pd", errno);
  return domain;
}

}  // namespace

LocalMemory::LocalMemory(ibv_context& device) : domain_(make_domain(device)) {}

int LocalMemory::access() const {
  // Without relaxed ordering the PCIe root of some servers halves the rate; a completion is never
  // written before the data that it speaks of.
  int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_RELAXED_ORDERING;
  // An iWARP NIC answers a READ with writes that the reader must have allowed: there, and only
  // there, a storage node that knows the key could write into this memory.
  if (domain_->context->device->transport_type == IBV_TRANSPORT_IWARP) {
    access |= IBV_ACCESS_REMOTE_WRITE;
  }
  return access;
}

void LocalMemory::add(std::span<std::byte> memory) {
  MemoryRegion region(
      ibv_reg_mr(domain_.get(), memory.data(), memory.size(), static_cast<unsigned>(access())));
  if (!region) {
    throw system_error(fmt::format("{} bytes of memory cannot be registered with {}", memory.size(),
                                   ibv_get_device_name(domain_->context->device)),
                       errno);
  }
  pieces_.push_back({memory, std::move(region)});
}

bool LocalMemory::add(const GpuMemory& memory) {
  MemoryRegion region(ibv_reg_dmabuf_mr(domain_.get(), memory.offset, memory.addresses.size(),
                                        reinterpret_cast<std::uint64_t>(memory.addresses.data()),
                                        memory.dmabuf, access()));
  if (!region) return false;
  pieces_.push_back({memory.addresses, std::move(region)});
  return true;
}

std::uint32_t LocalMemory::key_of(std::span<const std::byte> into) const {
  const auto holds = [&](const Piece& piece) {
    return into.data() >= piece.memory.data() &&
           into.data() + into.size() <= piece.memory.data() + piece.memory.size();
  };
  const auto found = std::ranges::find_if(pieces_, holds);
  CALVO_EXPECT(found != pieces_.end());
  return found->region->lkey;
}

bool takes_dmabufs(ibv_context& device) {
  const ProtectionDomain domain = make_domain(device);
  const MemoryRegion region(
      ibv_reg_dmabuf_mr(domain.get(), 0, 4096, 0, -1, IBV_ACCESS_LOCAL_WRITE));
  return !region && errno == EBADF;
}

}  // namespace calvo::realrun::verbs
