// A change of a what-if as a command that makes it of the user's own file.
#pragma once

#include <string>
#include <vector>

#include "sweeps/what_if.hpp"

namespace calvo::sweeps {

/// Arguments of --set with which `calvo run` of scenario.file, after scenario.overrides, simulates
/// what the settings of `change` make of the scenario that is written out. A file says less than
/// that ("nic: rdma_100g" is two NICs with a curve each), so a key may have to come with all that
/// stands beside it: of what is tried, the shortest that resolves to the same. Items of lists
/// cannot be set on their own, the list can. None if nothing does.
std::vector<std::string> set_arguments(
    const WrittenOut& scenario, const Change& change,
    const scenarios::SearchPath& search = scenarios::default_search_path());

/// "calvo run FILE --seed 1 --set ...", as a shell takes it; empty if `change` has no arguments.
std::string run_command(const WrittenOut& scenario, const Change& change, std::uint64_t seed);

}  // namespace calvo::sweeps
