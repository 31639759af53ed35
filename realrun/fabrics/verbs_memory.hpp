// Memory of an engine that READs of one device may land in: registered once, used by all its
// connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/verbs_handles.hpp"

namespace calvo::realrun::verbs {

class LocalMemory {
public:
  explicit LocalMemory(ibv_context& device);

  ibv_pd& domain() { return *domain_; }

  /// Throws std::runtime_error with the remedy.
  void add(std::span<std::byte> memory);
  /// False: this device, its driver or the kernel cannot reach GPU memory.
  bool add(const GpuMemory& memory);

  /// Requires: all of `into` lies in one registered piece.
  std::uint32_t key_of(std::span<const std::byte> into) const;

private:
  struct Piece {
    std::span<std::byte> memory;
    MemoryRegion region;
  };
  int access() const;

  ProtectionDomain domain_;
  std::vector<Piece> pieces_;
};

/// Whether a device takes dma-bufs at all: it is offered none, and asked what is wrong with it.
bool takes_dmabufs(ibv_context& device);

}  // namespace calvo::realrun::verbs
