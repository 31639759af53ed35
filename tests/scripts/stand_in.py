#!/usr/bin/env python3
"""Stands in for calvo on a machine without a testbed: `realrun` simulates with a little noise of
its own and says that it was real, `calibrate` writes what it is told to. All else is calvo's.

From the environment: CALVO (the program), STAND_IN_CALIBRATION (the file to write),
STAND_IN_CALLS (a file that gets a line for each call), STAND_IN_LATE (the call of realrun, counted
from 1, whose load comes late), STAND_IN_LATE_ENGINE (the engine whose load always does),
STAND_IN_FAIL (the call that fails), STAND_IN_PAUSE (the one before which it sleeps until it is
interrupted), STAND_IN_STOPPED (the call of run that is interrupted, and its campaign with it).
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

calvo = os.environ["CALVO"]
calls = pathlib.Path(os.environ["STAND_IN_CALLS"])
verb, *arguments = sys.argv[1:]

with calls.open("a") as log:
    log.write(verb + "\n")


def take(flag):
    """Removes a flag and its value; returns the value."""
    at = arguments.index(flag)
    value = arguments[at + 1]
    del arguments[at:at + 2]
    return value


if verb == "calibrate":
    shutil.copy(os.environ["STAND_IN_CALIBRATION"], take("-o"))
elif verb == "realrun":
    number = calls.read_text().split().count("realrun")
    if os.environ.get("STAND_IN_PAUSE") == str(number):
        time.sleep(600)
    if os.environ.get("STAND_IN_FAIL") == str(number):
        sys.exit("the network is gone")
    assert take("--fabric") == "tcp" and take("--device") == "host"
    for flag in ("--node", "--key-file", "--pace"):
        while flag in arguments:
            take(flag)
    out = pathlib.Path(arguments[arguments.index("--out") + 1])
    subprocess.run([calvo, "run", *arguments, "--set",
                    f"simulation.truth_noise={0.001 + 0.0001 * number}"], check=True)
    environment = json.loads((out / "environment.json").read_text())
    environment.update(driver="realrun", fabric="tcp", device="host")
    (out / "environment.json").write_text(json.dumps(environment))
    summary = json.loads((out / "summary.json").read_text())
    late = (os.environ.get("STAND_IN_LATE") == str(number) or
            os.environ.get("STAND_IN_LATE_ENGINE") == summary["engine"])
    summary["load"] = {"lateness_p99_s": 9.0 if late else 0.0, "spare_cpu_busy": 0.1}
    (out / "summary.json").write_text(json.dumps(summary))
elif verb == "run" and os.environ.get("STAND_IN_STOPPED") == str(
        calls.read_text().split().count("run")):
    out = pathlib.Path(arguments[arguments.index("--out") + 1])
    subprocess.run([calvo, verb, *arguments], check=True)
    summary = json.loads((out / "summary.json").read_text())
    (out / "summary.json").write_text(json.dumps({**summary, "complete": False}))
    os.kill(os.getppid(), signal.SIGINT)
    sys.exit(130)
else:
    os.execv(calvo, [calvo, verb, *arguments])
