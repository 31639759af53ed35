// How fast a link can be: a scenario that asks for more has a unit wrong, unless it says that it
// means it ("allow_unphysical: true").
#pragma once

#include <string>
#include <string_view>

#include "core/units.hpp"

namespace calvo::scenarios {

struct PhysicalLimit {
  std::string_view what;    ///< "a NIC"
  BytesPerSecond rate;      ///< one direction
  std::string_view source;  ///< the fastest that exists
};

/// Rates of the fastest parts on sale or announced with data sheets in 2025-26.
inline constexpr PhysicalLimit nic_limit{"a NIC", BytesPerSecond{200e9},
                                         "1600 Gbit/s, IEEE 802.3dj"};
inline constexpr PhysicalLimit gpu_link_limit{"a GPU's link to its host", BytesPerSecond{450e9},
                                              "450 GB/s, NVLink-C2C; PCIe 6.0 x16 has 128 GB/s"};
inline constexpr PhysicalLimit dram_limit{"the DRAM of a host", BytesPerSecond{2e12},
                                          "2 TB/s, two sockets of 12 channels MRDIMM-12800 and "
                                          "some room"};
inline constexpr PhysicalLimit gpu_memory_limit{"the memory of a GPU", BytesPerSecond{32e12},
                                                "32 TB/s, 16 stacks of HBM4"};

/// The problem and its remedy; `text` is the rate as the user wrote it.
std::string unphysical(const std::string& text, BytesPerSecond rate, const PhysicalLimit& limit);

}  // namespace calvo::scenarios
