// libfabric's objects, owned; errors with a remedy.
//
// Each peer has an endpoint of its own: closing it is what guarantees that nothing lands any more,
// and that nothing of the pool is read any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include "realrun/fabrics/ofi_library.hpp"

namespace calvo::realrun::ofi {

struct CloseFid {
  template <class Object>
  void operator()(Object* object) const {
    fi_close(&object->fid);
  }
};
template <class Object>
using Owned = std::unique_ptr<Object, CloseFid>;

struct FreeInfo {
  void operator()(fi_info* info) const { library().freeinfo(info); }
};
using Info = std::unique_ptr<fi_info, FreeInfo>;

/// What `provider` can do at the local address (empty: any); null if it does not answer here.
Info find(const std::string& provider, const std::string& local_address);

/// `wanted`, or the value of CALVO_OFI_PROVIDER, or the best that answers, by its full name; empty
/// if none does.
std::string choose_provider(std::string_view wanted);

/// Throws std::runtime_error unless `result` is 0.
void check(int result, std::string_view what);

/// A provider at one address of this machine. One thread uses it and what is made from it.
class Domain {
public:
  Domain(const std::string& provider, const std::string& local_address);

  fi_info& info() const { return *info_; }
  fid_fabric* fabric() const { return fabric_.get(); }
  fid_domain* domain() const { return domain_.get(); }
  bool wants(std::uint64_t memory_mode) const;

  /// The descriptor that reads into `memory` need; null where the provider needs none. Once.
  void* register_landing(std::span<std::byte> memory);

private:
  Info info_;
  Owned<fid_fabric> fabric_;
  Owned<fid_domain> domain_;
  Owned<fid_mr> landing_;
};

/// One end of a connection to one peer.
class Endpoint {
public:
  explicit Endpoint(Domain& domain);

  std::vector<std::byte> name() const;
  /// Throws std::runtime_error for a name that is empty or that the provider does not take. Text
  /// must be followed by a NUL.
  void insert_peer(std::span<const std::byte> name);

  fid_ep* get() const { return endpoint_.get(); }
  fid_cq* queue() const { return queue_.get(); }
  fi_addr_t peer() const { return peer_; }
  /// Readable when there is something to do, if may_sleep() says so; -1: the provider has none.
  int wait_fd() const { return wait_fd_; }
  bool may_sleep() const;

private:
  Domain& domain_;
  Owned<fid_av> addresses_;
  Owned<fid_cq> queue_;
  Owned<fid_ep> endpoint_;  ///< the first to be closed
  fi_addr_t peer_ = FI_ADDR_UNSPEC;
  int wait_fd_ = -1;
};

/// A pool that the peer of `endpoint` may read, and nobody may write, until this dies.
class Exposed {
public:
  Exposed(Domain& domain, Endpoint& endpoint, std::span<const std::byte> pool);

  std::uint64_t key() const;
  std::uint64_t base() const { return base_; }  ///< remote address of the pool's first byte

private:
  Owned<fid_mr> region_;
  std::uint64_t base_ = 0;
};

}  // namespace calvo::realrun::ofi
