#include "realrun/fabrics/ofi_link.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <stdexcept>

#include <fmt/format.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include "realrun/wire/crypto.hpp"

namespace calvo::realrun::ofi {
namespace {

constexpr std::uint32_t api_version = FI_VERSION(1, 14);
constexpr std::size_t completions = 512;

/// An endpoint of ours has one peer, but libfabric makes room for 256 and then asks small devices
/// for longer queues than they have (soft-RoCE among them).
void expect_few_peers() {
  static std::once_flag once;
  std::call_once(once, [] { setenv("FI_UNIVERSE_SIZE", "16", 0); });
}

Info ask(const std::string& provider, const char* node) {
  const Info hints(library().dupinfo(nullptr));
  if (hints == nullptr) throw std::bad_alloc();
  hints->ep_attr->type = FI_EP_RDM;
  hints->caps = FI_RMA | FI_READ | FI_REMOTE_READ;
  hints->mode = FI_CONTEXT | FI_CONTEXT2;
  hints->domain_attr->mr_mode =
      FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_ENDPOINT;
  hints->domain_attr->threading = FI_THREAD_DOMAIN;
  hints->fabric_attr->prov_name = strdup(provider.c_str());
  fi_info* found = nullptr;
  const std::uint64_t flags = node == nullptr ? 0 : FI_SOURCE;
  if (library().getinfo(api_version, node, nullptr, flags, hints.get(), &found) != 0) {
    return nullptr;
  }
  return Info(found);
}

bool has_ip_address(const fi_info& info) {
  return info.addr_format == FI_SOCKADDR || info.addr_format == FI_SOCKADDR_IN ||
         info.addr_format == FI_SOCKADDR_IN6;
}

template <class Object, class Open>
Owned<Object> open(std::string_view what, Open open) {
  Object* object = nullptr;
  check(open(&object), what);
  return Owned<Object>(object);
}

}  // namespace

Info find(const std::string& provider, const std::string& local_address) {
  expect_few_peers();
  Info info = ask(provider, nullptr);
  if (info == nullptr || local_address.empty() || !has_ip_address(*info)) return info;
  return ask(provider, local_address.c_str());
}

std::string choose_provider(std::string_view wanted) {
  if (!wanted.empty()) {
    const Info info = find(std::string(wanted), "");
    return info == nullptr ? "" : info->fabric_attr->prov_name;
  }
  const char* named = std::getenv("CALVO_OFI_PROVIDER");
  if (named != nullptr && *named != '\0') return choose_provider(named);
  for (const char* provider : {"efa", "cxi", "verbs;ofi_rxm", "net", "tcp", "shm"}) {
    std::string answering = choose_provider(provider);
    if (!answering.empty()) return answering;
  }
  return "";
}

void check(int result, std::string_view what) {
  if (result == 0) return;
  const bool memory = result == -FI_ENOMEM || result == -FI_EPERM;
  throw std::runtime_error(
      fmt::format("libfabric: {}: {}{}", what, library().strerror(-result),
                  memory ? "; if memory may not be locked, raise the limit (ulimit -l)" : ""));
}

Domain::Domain(const std::string& provider, const std::string& local_address)
    : info_(find(provider, local_address)) {
  if (info_ == nullptr) {
    throw std::runtime_error(
        fmt::format("libfabric: provider \"{}\" does not answer at {}; see fi_info -t FI_EP_RDM",
                    provider, local_address));
  }
  fabric_ = open<fid_fabric>(
      "fabric", [&](auto** made) { return library().fabric(info_->fabric_attr, made, nullptr); });
  domain_ = open<fid_domain>(
      "domain", [&](auto** made) { return fi_domain(fabric_.get(), info_.get(), made, nullptr); });
}

bool Domain::wants(std::uint64_t memory_mode) const {
  return (static_cast<std::uint64_t>(info_->domain_attr->mr_mode) & memory_mode) != 0;
}

void* Domain::register_landing(std::span<std::byte> memory) {
  if (!wants(FI_MR_LOCAL)) return nullptr;
  landing_ = open<fid_mr>("memory to land in", [&](auto** made) {
    return fi_mr_reg(domain_.get(), memory.data(), memory.size(), FI_READ, 0, 1, 0, made, nullptr);
  });
  return fi_mr_desc(landing_.get());
}

Endpoint::Endpoint(Domain& domain) : domain_(domain) {
  fi_av_attr table{};
  table.type = FI_AV_TABLE;
  addresses_ = open<fid_av>("address table", [&](auto** made) {
    return fi_av_open(domain.domain(), &table, made, nullptr);
  });
  fi_cq_attr attributes{};
  attributes.size = completions;
  attributes.format = FI_CQ_FORMAT_CONTEXT;
  attributes.wait_obj = FI_WAIT_FD;
  fid_cq* queue = nullptr;
  if (fi_cq_open(domain.domain(), &attributes, &queue, nullptr) == 0) {
    queue_.reset(queue);
    if (fi_control(&queue->fid, FI_GETWAIT, &wait_fd_) != 0) wait_fd_ = -1;
  } else {
    attributes.wait_obj = FI_WAIT_NONE;
    queue_ = open<fid_cq>("completion queue", [&](auto** made) {
      return fi_cq_open(domain.domain(), &attributes, made, nullptr);
    });
  }
  endpoint_ = open<fid_ep>("endpoint", [&](auto** made) {
    return fi_endpoint(domain.domain(), &domain.info(), made, nullptr);
  });
  check(fi_ep_bind(get(), &addresses_->fid, 0), "endpoint");
  check(fi_ep_bind(get(), &queue_->fid, FI_TRANSMIT | FI_RECV), "endpoint");
  check(fi_enable(get()), "endpoint");
}

std::vector<std::byte> Endpoint::name() const {
  std::vector<std::byte> name(1024);
  std::size_t size = name.size();
  check(fi_getname(&endpoint_->fid, name.data(), &size), "endpoint's name");
  name.resize(size);
  return name;
}

void Endpoint::insert_peer(std::span<const std::byte> name) {
  if (name.empty()) throw std::runtime_error("libfabric: the peer gives no address");
  if (fi_av_insert(addresses_.get(), name.data(), 1, &peer_, 0, nullptr) != 1) {
    throw std::runtime_error("libfabric: the peer's address cannot be used here");
  }
}

bool Endpoint::may_sleep() const {
  if (wait_fd_ < 0) return false;
  fid* watched = &queue_->fid;
  return fi_trywait(domain_.fabric(), &watched, 1) == 0;
}

Exposed::Exposed(Domain& domain, Endpoint& endpoint, std::span<const std::byte> pool)
    : base_(domain.wants(FI_MR_VIRT_ADDR) ? reinterpret_cast<std::uint64_t>(pool.data()) : 0) {
  std::array<std::byte, sizeof(std::uint64_t)> bytes;
  random_bytes(bytes);
  std::uint64_t key = 0;  // where the provider takes ours, one that nobody guesses
  std::memcpy(&key, bytes.data(),
              std::min(sizeof key, std::size_t{domain.info().domain_attr->mr_key_size}));
  region_ = open<fid_mr>("the pool", [&](auto** made) {
    return fi_mr_reg(domain.domain(), pool.data(), pool.size(), FI_REMOTE_READ, 0, key, 0, made,
                     nullptr);
  });
  if (domain.wants(FI_MR_ENDPOINT)) {
    check(fi_mr_bind(region_.get(), &endpoint.get()->fid, 0), "the pool");
    check(fi_mr_enable(region_.get()), "the pool");
  }
}

std::uint64_t Exposed::key() const {
  return fi_mr_key(region_.get());
}

}  // namespace calvo::realrun::ofi
