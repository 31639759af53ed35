// Values as the user writes them. A quantity carries its unit ("50 GB/s", "16 MiB", "2.5 us"): a
// bare number is refused.
#pragma once

#include <cstdint>
#include <string>

#include "core/units.hpp"

namespace calvo {

/// A share of a whole, 0 to 1; written as a plain number or in percent ("0.75", "75 %").
struct Share {
  double value = 0;

  friend constexpr auto operator<=>(Share, Share) = default;
};

/// Parses `text` or throws std::invalid_argument, whose what() says what was expected and which
/// units exist. Finite numbers only; quantities are never negative. Defined for std::string, bool,
/// int32, int64, uint64, double, Share and:
///   Bytes           B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
///   BytesPerSecond  B/s, kB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, Mbit/s, Gbit/s, Tbit/s
///   FlopsPerSecond  flop/s, Gflop/s, Tflop/s, Pflop/s
///   PerSecond       /s, /min, /h
///   Seconds         ns, us, ms, s, min, h; at most longest_run
///   Tokens          a whole number, "tok" may follow
template <class T>
T parse_as(const std::string& text);

template <>
std::string parse_as<std::string>(const std::string& text);
template <>
bool parse_as<bool>(const std::string& text);
template <>
std::int32_t parse_as<std::int32_t>(const std::string& text);
template <>
std::int64_t parse_as<std::int64_t>(const std::string& text);
template <>
std::uint64_t parse_as<std::uint64_t>(const std::string& text);
template <>
double parse_as<double>(const std::string& text);
template <>
Share parse_as<Share>(const std::string& text);
template <>
Bytes parse_as<Bytes>(const std::string& text);
template <>
BytesPerSecond parse_as<BytesPerSecond>(const std::string& text);
template <>
FlopsPerSecond parse_as<FlopsPerSecond>(const std::string& text);
template <>
PerSecond parse_as<PerSecond>(const std::string& text);
template <>
Seconds parse_as<Seconds>(const std::string& text);
template <>
Tokens parse_as<Tokens>(const std::string& text);

/// The shortest text from which parse_as gives exactly `value` again.
std::string to_text(const std::string& value);
std::string to_text(bool value);
std::string to_text(std::int32_t value);
std::string to_text(std::int64_t value);
std::string to_text(std::uint64_t value);
std::string to_text(double value);
std::string to_text(Share value);
std::string to_text(Bytes value);
std::string to_text(BytesPerSecond value);
std::string to_text(FlopsPerSecond value);
std::string to_text(PerSecond value);
std::string to_text(Seconds value);
std::string to_text(Tokens value);

}  // namespace calvo
