// Which fabrics there are, here.
#include <algorithm>
#include <string>
#include <string_view>

#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/ofi.hpp"
#include "realrun/fabrics/tcp.hpp"
#if __has_include("realrun/fabrics/verbs.hpp")
#include "realrun/fabrics/verbs.hpp"
#else
namespace calvo::realrun {
static FabricInfo verbs_fabric() {
  return {"verbs", "one-sided RDMA reads of a NIC", "not in this build", nullptr, nullptr};
}
}  // namespace calvo::realrun
#endif

namespace calvo::realrun {

std::string_view name_of(ReadStatus status) {
  switch (status) {
    case ReadStatus::ok:
      return "ok";
    case ReadStatus::peer_gone:
      return "peer_gone";
    case ReadStatus::refused:
      return "refused";
    case ReadStatus::flushed:
      return "flushed";
  }
  return "unknown";
}

// Adding a fabric: one file, one line here.
std::vector<FabricInfo> fabrics() {
  return {tcp_fabric(), verbs_fabric(), ofi_fabric()};
}

FabricInfo fabric(std::string_view name) {
  const std::string_view family = name.substr(0, name.find(':'));
  std::vector<FabricInfo> all = fabrics();
  if (name.starts_with("ofi:")) all.back() = ofi_fabric(name.substr(family.size() + 1));
  const auto found = std::ranges::find(all, name, &FabricInfo::name);
  if (found == all.end()) {
    std::vector<std::string> names;
    for (const FabricInfo& known : all) names.push_back(known.name);
    throw InputError({"fabric", 0, 0}, "",
                     "unknown fabric \"" + std::string(name) + "\"" + suggestion(name, names));
  }
  if (found->missing) {
    throw InputError({"fabric", 0, 0}, "",
                     "\"" + found->name + "\" cannot be used here: " + *found->missing);
  }
  return *found;
}

}  // namespace calvo::realrun
