#include "realrun/fabrics/ofi_library.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <signal.h>

namespace calvo::realrun::ofi {
namespace {

constexpr const char* name = "libfabric.so.1";

/// Gives back what the library takes when it is loaded: psm2 turns a crash and Ctrl-C into exit
/// code 1, over the handlers of the program.
class SignalsKept {
public:
  SignalsKept() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], nullptr, &actions_[i]);
  }
  ~SignalsKept() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &actions_[i], nullptr);
  }
  SignalsKept(const SignalsKept&) = delete;
  SignalsKept& operator=(const SignalsKept&) = delete;

private:
  static constexpr std::array numbers = {SIGINT, SIGTERM, SIGHUP, SIGSEGV,
                                         SIGBUS, SIGFPE,  SIGILL, SIGABRT};
  std::array<struct sigaction, numbers.size()> actions_{};
};

void* open() {
  const SignalsKept kept;
  for (const char* place : {name, CALVO_LIBFABRIC_FILE}) {
    if (*place == '\0') continue;
    if (void* const opened = ::dlopen(place, RTLD_NOW | RTLD_LOCAL)) return opened;
  }
  throw std::runtime_error(std::string(name) + " cannot be loaded (" + ::dlerror() +
                           "); install libfabric1 or add its folder to LD_LIBRARY_PATH");
}

template <class Function>
void find(void* opened, const char* symbol, Function& function) {
  void* const found = ::dlsym(opened, symbol);
  if (found == nullptr) throw std::runtime_error(std::string(name) + " has no " + symbol);
  function = reinterpret_cast<Function>(found);
}

}  // namespace

const Library& library() {
  static const Library functions = [] {
    void* const opened = open();
    Library all{};
    find(opened, "fi_getinfo", all.getinfo);
    find(opened, "fi_dupinfo", all.dupinfo);
    find(opened, "fi_freeinfo", all.freeinfo);
    find(opened, "fi_fabric", all.fabric);
    find(opened, "fi_strerror", all.strerror);
    return all;
  }();
  return functions;
}

}  // namespace calvo::realrun::ofi
