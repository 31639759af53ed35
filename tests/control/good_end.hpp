// What must hold of any run, whatever the engine and whatever goes wrong.
#pragma once

#include "tests/control/fake_driver.hpp"
#include "tests/control/small_scenario.hpp"

namespace calvo::control::fake {

/// Plays the scenario and expects that the books are in order after every batch, that every request
/// ends, that the contract of commands is kept and that nothing is held at the end. Stops at the
/// first batch that breaks the books.
void expect_a_good_end(SmallScenario& scenario, FakeDriver& driver);

}  // namespace calvo::control::fake
