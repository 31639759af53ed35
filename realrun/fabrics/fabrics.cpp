// Which fabrics there are, here.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/fabrics/ofi.hpp"
#include "realrun/fabrics/tcp.hpp"
#include "realrun/fabrics/verbs.hpp"

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

namespace {

struct Family {
  std::string_view name;
  FabricInfo (*ask)();
};

// Adding a fabric: one file, one line here.
constexpr std::array families = {
    Family{"tcp", tcp_fabric},
    Family{"verbs", verbs_fabric},
    Family{"ofi", [] { return ofi_fabric(); }},
};
constexpr std::string_view ofi_provider = "ofi:";

/// Asks the machine about this one only: libfabric alone takes a while to look around.
FabricInfo ask(std::string_view name) {
  if (name.starts_with(ofi_provider)) return ofi_fabric(name.substr(ofi_provider.size()));
  const auto* found = std::ranges::find(families, name, &Family::name);
  if (found != families.end()) return found->ask();
  std::vector<std::string_view> names;
  for (const Family& family : families) names.push_back(family.name);
  throw InputError({"fabric", 0, 0}, "",
                   "unknown fabric \"" + std::string(name) + "\"" + suggestion(name, names));
}

}  // namespace

std::vector<FabricInfo> fabrics() {
  std::vector<FabricInfo> all;
  for (const Family& family : families) all.push_back(family.ask());
  return all;
}

FabricInfo fabric(std::string_view name) {
  FabricInfo info = ask(name);
  if (info.missing) {
    throw InputError({"fabric", 0, 0}, "",
                     "\"" + info.name + "\" cannot be used here: " + *info.missing);
  }
  return info;
}

}  // namespace calvo::realrun
