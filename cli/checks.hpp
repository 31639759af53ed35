// What values of options must be, said so that the remedy shows.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "analysis/text_table.hpp"
#include "core/units.hpp"

namespace calvo::cli {

/// 0 ... 18446744073709551615: of a negative or larger number the conversion would make another.
CLI::Validator whole_number();
/// 0 ... 65535
CLI::Validator port_number();
/// For values that come out of a shell's variable, which may not be set.
CLI::Validator not_empty();

/// What paces something, as the value of `option`: at least 1 B/s. Throws InputError.
BytesPerSecond pace_of(const std::string& option, const std::string& text);

/// Where `name`, the value of `option`, stands among `names` of `what` ("format"). Throws
/// InputError, as of `command`.
std::size_t index_of_name(const std::string& command, const std::string& option, const char* what,
                          const std::string& name, std::span<const std::string_view> names);
/// What --format says. Throws InputError, as of `command`.
analysis::TableFormat table_format_of(const std::string& command, const std::string& name);

}  // namespace calvo::cli
