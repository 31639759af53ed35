// What values of options must be, said so that the remedy shows.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "analysis/text_table.hpp"

namespace calvo::cli {

/// 0 ... 18446744073709551615: of a negative or larger number the conversion would make another.
CLI::Validator whole_number();
/// 0 ... 65535
CLI::Validator port_number();
/// For values that come out of a shell's variable, which may not be set.
CLI::Validator not_empty();

/// What --format says. Throws InputError, as of `command`.
analysis::TableFormat table_format_of(const std::string& command, const std::string& name);

}  // namespace calvo::cli
