#include "cli/checks.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "core/suggest.hpp"

namespace calvo::cli {
namespace {

template <class Number>
bool is_a(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

/// Without a name: a name would stand in --help in place of the option's own.
template <class Holds>
CLI::Validator check(Holds holds, const char* rule) {
  return CLI::Validator(
      [holds, rule](std::string& text) {
        return holds(text) ? std::string() : fmt::format("\"{}\" is {}", text, rule);
      },
      "");
}

}  // namespace

CLI::Validator whole_number() {
  return check(is_a<std::uint64_t>, "no whole number from 0 to 18446744073709551615");
}

CLI::Validator port_number() {
  return check(is_a<std::uint16_t>, "no port; name one from 0 to 65535");
}

CLI::Validator not_empty() {
  return check([](const std::string& text) { return !text.empty(); },
               "empty; give a value, or leave the option out");
}

BytesPerSecond pace_of(const std::string& option, const std::string& text) {
  const auto wrong = [&](const std::string& problem) {
    return InputError({option, 1, 1}, "", problem);
  };
  BytesPerSecond pace{0};
  try {
    pace = parse_as<BytesPerSecond>(text);
  } catch (const std::invalid_argument& error) {
    throw wrong(error.what());
  }
  if (pace.count() < 1) {
    throw wrong(fmt::format("\"{}\" is slower than 1 B/s; give a faster rate", text));
  }
  return pace;
}

std::size_t index_of_name(const std::string& command, const std::string& option, const char* what,
                          const std::string& name, std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    throw InputError({command, 0, 0}, option,
                     fmt::format("unknown {} \"{}\"{}", what, name, suggestion(name, names)));
  }
  return static_cast<std::size_t>(found - names.begin());
}

analysis::TableFormat table_format_of(const std::string& command, const std::string& name) {
  return static_cast<analysis::TableFormat>(
      index_of_name(command, "--format", "format", name, analysis::table_format_names()));
}

}  // namespace calvo::cli
