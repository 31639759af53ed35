// What this process and machine are.
#pragma once

#include <cstdint>
#include <string>

namespace calvo::cli {

/// User + system time of this process so far, in seconds.
double cpu_seconds();
/// A clock that only goes forward, in seconds.
double wall_seconds();
/// Largest resident memory of this process so far, in bytes.
std::int64_t peak_memory_bytes();
std::string host_name();
std::string cpu_name();  ///< empty if the system does not say
/// The words that this process was started with; empty if the system does not say.
std::string command_line();
/// Now, "2026-11-21T07:20:00Z".
std::string utc_date();

}  // namespace calvo::cli
