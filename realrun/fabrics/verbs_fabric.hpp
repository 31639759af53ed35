// The two halves of the verbs fabric, and what they know of the machine's devices.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/verbs_handles.hpp"

namespace calvo::realrun::verbs {

std::unique_ptr<FabricClient> make_client();
std::unique_ptr<FabricServer> make_server(std::span<const std::byte> pool,
                                          const ServerOptions& options);

/// All devices; librdmacm keeps them open as long as the process lives, and hands out the same.
std::vector<ibv_context*> open_devices();

/// Whether there are devices and reads can land in GPU memory through any of them.
bool every_device_takes_dmabufs();

}  // namespace calvo::realrun::verbs
