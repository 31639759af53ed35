// How a job's pieces get over PCIe: which way is the fastest depends on the device, their size and
// their number, so it is measured (calvo calibrate) and looked up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/units.hpp"

namespace calvo::realrun {

enum class CopyPath : std::uint8_t {
  direct,  ///< copy engine: a call for each piece, between its slot and its page
  batch,   ///< copy engine: one call for all pieces
  staged,  ///< copy engine: a call for each run of neighbouring slots, and a kernel between staging
           ///< memory and pages
  kernel,  ///< a kernel reads or writes host memory, on few multiprocessors
};
inline constexpr std::array copy_paths = {CopyPath::direct, CopyPath::batch, CopyPath::staged,
                                          CopyPath::kernel};

std::string_view name_of(CopyPath path);
/// Throws InputError at `place` for a name that is none.
CopyPath parse_copy_path(std::string_view name, std::string_view place);

/// Pieces of a job, as far as a path depends on them.
struct CopyShape {
  std::int64_t size = 0;   ///< bytes of a piece
  std::int64_t count = 1;  ///< pieces
  std::int64_t runs = 1;   ///< of neighbouring slots
};

/// What `path` took for `count` pieces of `size` bytes from neighbouring slots.
struct CopyTime {
  CopyPath path{};
  std::int64_t size = 0;
  std::int64_t count = 0;
  Seconds time{0};
};

/// Measured times of one direction, or none: then a rule stands in, which says nothing of this
/// device:
///
///   direct  from 1 MiB a piece on, or for one piece: the calls take less time than the bytes
///   staged  smaller pieces, if their slots lie in runs of 4 or more
///   batch   other ones
///
/// `kernel` is never taken but from a table: it takes multiprocessors from steps.
class CopyTable {
public:
  CopyTable() = default;
  /// Requires: sizes, counts and times > 0.
  explicit CopyTable(std::vector<CopyTime> times);

  /// The fastest of those measured at the nearest size and count (in factors); `staged` only where
  /// runs are at least two pieces long.
  CopyPath choose(const CopyShape& shape) const;
  const std::vector<CopyTime>& times() const { return times_; }

private:
  std::vector<CopyTime> times_;
};

/// Both directions.
struct CopyTables {
  CopyTable in, out;
};

/// Reads what copy_tables_csv() writes. Throws InputError that names the file and the line.
CopyTables read_copy_tables(const std::string& file);
CopyTables parse_copy_tables(std::string_view csv, const std::string& file);
/// `direction,path,size,count,seconds`, one line for each time.
std::string copy_tables_csv(const CopyTables& tables);

}  // namespace calvo::realrun
