#pragma once

namespace calvo::analysis {

/// The p-quantile of Student's t distribution. Requires: 0 < p < 1, degrees > 0.
double student_t_quantile(double p, double degrees);
/// P(|T| >= |t|). Requires: degrees > 0.
double student_t_two_sided(double t, double degrees);

}  // namespace calvo::analysis
