#!/usr/bin/env python3
"""Runs a validation campaign: calibrate, predict, freeze, measure, compare.

  1 calibrate   measures the testbed part by part (never end to end)
  2 predict     simulates every engine on every scenario with what was measured
  3 freeze      writes the SHA-256 of campaign, scenario, program, calibration and every prediction
                into manifest.json, with the names of the hold-out scenarios, before the first real
                run; what changes afterwards is refused
  4 measure     real runs, all engines and scenarios interleaved in random order in each repeat; a
                run whose load came late or whose spare core was busy is put aside and repeated
  5 validate    `calvo validate`, report.md, numbers.csv (each error) and runs.csv (each real run)

Every step that is done is not done again: interrupt it (Ctrl-C) and start it again as you like.

Examples:
  scripts/protocol.py scripts/campaign_small.json --out runs/small
  sudo scripts/protocol.py scripts/campaign_full.json --testbed netns --out runs/full
  scripts/protocol.py scripts/campaign_full.json --plan

Exit codes: 0 within tolerance, 1 outside (or a control that did not turn red), 2 wrong input or a
program that failed, 130 interrupted.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import report
from campaign import CampaignError, load
from testbed import Failed, Interrupted, Loopback, Netns, Programs, enter_netns

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
CALIBRATION_KEY = "calibration"  # of a scenario: the file that `calvo calibrate` wrote
STEPS = ["calibrate", "predict", "measure", "validate"]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_whole(path, text):
    """The file is there with all of its text, or as it was before."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def overrides_of(cell):
    return [word for override in cell.overrides for word in ("--set", override)]


def limits_of(campaign):
    return [word for key, value in campaign.tolerances.items()
            for word in ("--tolerance", f"{key}={value}")]


def check_limits(campaign, calvo):
    """Asks `calvo validate`, which reads limits before runs: nobody can mend them once predictions
    are frozen."""
    no_run = campaign.file
    answer = subprocess.run([calvo, "validate", no_run, *limits_of(campaign)], check=False,
                            capture_output=True, text=True)
    found = re.match(r"calvo: --tolerance .*?:\d+:\d+: (.*)", answer.stderr, re.S)
    if found:
        raise CampaignError(f"{campaign.file}: tolerances: {found[1].strip()}")


class Protocol:
    def __init__(self, campaign, arguments, programs):
        self.campaign = campaign
        self.programs = programs
        self.calvo = arguments.calvo
        self.out = arguments.out
        self.calibration = self.out / "calibration.yaml"
        self.copies = self.out / "calibration.copies.csv"  # of a device that has several paths
        self.manifest = self.out / "manifest.json"
        bed = campaign.testbed
        self.testbed = (Netns(self.calvo, programs, bed.node_core)
                        if arguments.testbed == "netns" else Loopback(bed.rate))
        self.durations = []

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    # 1

    def calibrate(self):
        if self.calibration.exists():
            return
        bed = self.campaign.testbed
        cell = self.campaign.cells()[0]
        self.say("calibrating")
        place = self.out / "calibrating"
        shutil.rmtree(place, ignore_errors=True)  # of a campaign that was interrupted
        place.mkdir()
        scenario = [self.campaign.scenario, *overrides_of(cell)]
        with self.testbed.nodes(scenario, bed.fabric, ["--synthetic"]) as nodes:
            self.programs.run([self.calvo, "calibrate", *scenario, "--fabric", bed.fabric,
                               "--device", bed.device, *nodes, *bed.hardware, "-o",
                               place / self.calibration.name])
        for file in sorted(place.iterdir(), key=lambda file: file.name == self.calibration.name):
            file.rename(self.out / file.name)  # the calibration last: it says that all are there
        place.rmdir()

    def scenario_arguments(self, cell, more=()):
        """A cell's scenario, the same for simulator, storage nodes and real runner."""
        return [self.campaign.scenario, "--set", f"{CALIBRATION_KEY}={self.calibration}",
                *overrides_of(cell), *more]

    # 2

    def simulate(self, cell, directory, more=()):
        if directory.exists():
            return
        place = self.out / "simulating"
        shutil.rmtree(place, ignore_errors=True)  # of a campaign that was interrupted
        self.programs.run([self.calvo, "run", *self.scenario_arguments(cell, more), "--engine",
                           cell.engine, "--no-timeline", "--quiet", "--out", place])
        summary = json.loads((place / "summary.json").read_text())
        for key, name in (("scenario", cell.scenario.name), ("engine", cell.engine)):
            if summary[key] != name:  # `calvo validate` would look for another one in vain
                raise Failed(f"{self.campaign.file}: {key} \"{name}\" is named \"{summary[key]}\" "
                             "in its results; name it so in the campaign")
        directory.parent.mkdir(parents=True, exist_ok=True)
        place.rename(directory)

    def predict(self):
        if self.manifest.exists():
            return
        if any((self.out / "measured").glob("*/*/*")):
            raise Failed(f"{self.out}: holds real runs that nothing was predicted for; choose "
                         "another --out")
        cells = self.campaign.cells()
        for index, cell in enumerate(cells, 1):
            self.say(f"predicting {index} of {len(cells)}: {cell.path}")
            self.simulate(cell, self.out / "predicted" / cell.path)

    # 3

    def frozen_files(self):
        """What must not change once a real run has begun, by the name that the manifest has."""
        files = {"campaign": self.campaign.file, "scenario": self.campaign.scenario,
                 "program": self.calvo, "calibration": self.calibration}
        if self.copies.exists():
            files["copies"] = self.copies
        shipped = REPOSITORY / "scenarios"  # engines and models, which every run reads anew
        files.update((str(file.relative_to(REPOSITORY)), file)
                     for file in sorted(shipped.rglob("*.yaml")))
        for cell in self.campaign.cells():
            directory = self.out / "predicted" / cell.path
            for name in ("scenario.resolved.yaml", "summary.json", "requests.csv",
                         "environment.json"):
                files[f"predicted/{cell.path}/{name}"] = directory / name
        return files

    def freeze(self):
        hashes = {name: sha256(path) for name, path in self.frozen_files().items()}
        if not self.manifest.exists():
            write_whole(self.manifest, json.dumps(
                {"campaign": self.campaign.name, "frozen": time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                                                         time.gmtime()),
                 "holdout": self.campaign.holdout, "sha256": hashes}, indent=2) + "\n")
            self.say(f"froze {len(hashes)} files in {self.manifest}")
            return
        frozen = json.loads(self.manifest.read_text())
        changed = sorted(name for name in {*hashes, *frozen["sha256"]}
                         if hashes.get(name) != frozen["sha256"].get(name))
        if changed or frozen["holdout"] != self.campaign.holdout:
            what = ", ".join(changed[:5] or ["holdout"])
            raise Failed(f"{self.manifest}: changed since it was frozen: {what}; put it back, or "
                         "begin anew with another --out")

    # 4

    def planned(self):
        """Every real run as (repeat, cell), in the order in which they are made."""
        for repeat in range(1, self.campaign.repeats + 1):
            cells = self.campaign.cells()
            random.Random(f"{self.campaign.seed} {repeat}").shuffle(cells)
            yield from ((repeat, cell) for cell in cells)

    def measured(self, repeat, cell):
        return self.out / "measured" / cell.path / f"{repeat}"

    def discarded(self, repeat, cell):
        return sorted((self.out / "discarded" / cell.path).glob(f"{repeat}-*"))

    def is_open(self, repeat, cell):
        return (not (self.measured(repeat, cell) / "summary.json").exists() and
                len(self.discarded(repeat, cell)) < self.campaign.attempts)

    def measure(self):
        while todo := [run for run in self.planned() if self.is_open(*run)]:
            for index, (repeat, cell) in enumerate(todo):
                eta = ""
                if self.durations:
                    left = (len(todo) - index) * sum(self.durations) / len(self.durations)
                    eta = f", {left / 60:.0f} min left"
                self.say(f"measuring {index + 1} of {len(todo)}: {cell.path}, repeat {repeat}{eta}")
                self.measure_one(repeat, cell)

    def measure_one(self, repeat, cell):
        begin = time.monotonic()
        attempt = self.out / "attempt"
        shutil.rmtree(attempt, ignore_errors=True)  # of a campaign that was interrupted
        try:
            self.run_for_real(cell, attempt)
            reason = self.fault_of(cell, attempt)
        except Failed as failure:
            if not any((self.out / "measured").glob("*/*/*")):
                raise  # the first one: it is not the exception
            attempt.mkdir(exist_ok=True)
            reason = str(failure)
        if reason:
            number = len(self.discarded(repeat, cell)) + 1
            place = self.out / "discarded" / cell.path / f"{repeat}-{number}"
            (attempt / "discarded.txt").write_text(reason + "\n")
            self.say(f"put aside: {reason}")
        else:
            place = self.measured(repeat, cell)
        place.parent.mkdir(parents=True, exist_ok=True)
        attempt.rename(place)
        self.durations.append(time.monotonic() - begin)

    def copy_table(self):
        """The copy paths that calibration took: real runs take the same."""
        return ["--copy-table", self.copies] if self.copies.exists() else []

    def run_for_real(self, cell, directory):
        bed = self.campaign.testbed
        scenario = self.scenario_arguments(cell)
        with self.testbed.nodes(scenario, bed.fabric, ["--preload", "scenario"]) as nodes:
            self.programs.run([self.calvo, "realrun", *scenario, "--engine", cell.engine,
                               "--fabric", bed.fabric, "--device", bed.device, *nodes,
                               *bed.hardware, *self.copy_table(), *bed.realrun, "--no-timeline", "--quiet", "--out",
                               directory])

    def fault_of(self, cell, attempt):
        """Why `calvo validate` would discard a run; it also refuses one of other work."""
        answer = self.out / "attempt.json"
        self.programs.run([self.calvo, "validate", self.out / "predicted" / cell.path, attempt,
                           "--quiet", "--json", answer], accept=(0, 1))
        discarded = json.loads(answer.read_text())["cells"][0]["discarded"]
        answer.unlink()
        return discarded[0]["reason"] if discarded else None

    # 5

    def runs_of(self, cells, predictions):
        """Predictions and measurements of cells, the baseline's first."""
        for cell in sorted(cells, key=lambda cell: cell.engine != self.campaign.baseline):
            yield self.out / predictions / cell.path
            yield from sorted((self.out / "measured" / cell.path).iterdir())

    def unmeasured(self):
        return [cell for cell in self.campaign.cells()
                if not any((self.out / "measured" / cell.path).glob("*"))]

    def run_validate(self, cells, more, predictions="predicted"):
        baseline = self.campaign.baseline
        over = ["--baseline", baseline] if any(cell.engine == baseline for cell in cells) else []
        return self.programs.run([self.calvo, "validate", *self.runs_of(cells, predictions), *over,
                                  "--quiet", *limits_of(self.campaign), *more], accept=(0, 1))

    def validate(self):
        self.freeze()  # once more: a campaign takes long
        missing = self.unmeasured()
        cells = [cell for cell in self.campaign.cells() if cell not in missing]
        if not cells:
            raise Failed("no real run was sound; discarded/ says why")
        markdown, numbers = self.out / "validation.md", self.out / "validation.json"
        kept = [name for name in self.campaign.holdout
                if any(cell.scenario.name == name for cell in cells)]
        holdout = ["--holdout", ",".join(kept)] if kept else []
        code = self.run_validate(cells, [*holdout, "--markdown", markdown, "--json", numbers])
        control = self.control()
        report.write(self, missing, control)
        self.say(f"wrote {self.out / 'report.md'}")
        passed = code == 0 and not missing and control in (None, "red")
        self.say("WITHIN tolerance" if passed else "OUTSIDE tolerance")
        return 0 if passed else 1

    def control(self):
        """"red": wrong link rates are found outside, and right ones within, in the same cells;
        "blind": wrong ones are not; "unsound": right ones are outside, so that the others say
        nothing; None: the campaign has no such control."""
        if self.campaign.control is None:
            return None
        name, factor = self.campaign.control["scenario"], self.campaign.control["factor"]
        cells = [cell for cell in self.campaign.cells()
                 if cell.scenario.name == name and cell not in self.unmeasured()]
        if not cells:
            return "unsound"
        if self.run_validate(cells, ["--json", self.out / "control_base.json"]) != 0:
            return "unsound"
        wrong = []
        for nic in ("serving_nic", "storage_nic"):
            rate = report.bandwidth_of(self.calibration.read_text(), nic)
            wrong += ["--set", f"hardware.{nic}.bandwidth={factor * rate:.9g} B/s"]
        for cell in cells:
            self.simulate(cell, self.out / "control" / cell.path, wrong)
        code = self.run_validate(cells, ["--json", self.out / "control.json"], "control")
        return "red" if code == 1 else "blind"

    def run(self, last):
        self.calibrate()
        if last == "calibrate":
            return 0
        self.predict()
        self.freeze()
        if last == "predict":
            return 0
        self.measure()
        return 0 if last == "measure" else self.validate()


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", type=pathlib.Path,
                        help="JSON file; scripts/campaign.py has its keys")
    parser.add_argument("--out", type=pathlib.Path,
                        help="where everything is kept (default: runs/NAME of the campaign)")
    parser.add_argument("--testbed", choices=["loopback", "netns"], default="loopback",
                        help="where storage nodes stand (netns needs root)")
    parser.add_argument("--calvo", type=pathlib.Path, default=REPOSITORY / "build/release/calvo",
                        help="the program (default: build/release/calvo)")
    parser.add_argument("--until", choices=STEPS, default="validate", help="the last step")
    parser.add_argument("--plan", action="store_true", help="say what would be done")
    return parser.parse_args()


def main():
    arguments = parse()
    campaign = load(arguments.campaign)
    cells = campaign.cells()
    if arguments.plan:
        for name in campaign.scenarios:
            print(name + (" *" if name in campaign.holdout else ""))
        print(f"{len(cells)} cells ({', '.join(campaign.engines)}), {campaign.repeats} repeats: "
              f"{len(cells) * campaign.repeats} real runs; * held out")
        return 0
    arguments.calvo = arguments.calvo.resolve()
    if not (arguments.calvo.is_file() and os.access(arguments.calvo, os.X_OK)):
        raise CampaignError(f"{arguments.calvo}: no such program; build it, or give --calvo")
    check_limits(campaign, arguments.calvo)
    if arguments.testbed == "netns":
        enter_netns(campaign, sys.argv, arguments.calvo)
    arguments.out = (arguments.out or pathlib.Path("runs", campaign.name)).resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "log.txt", "a") as log:
        return Protocol(campaign, arguments, Programs(log)).run(arguments.until)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CampaignError, Failed, OSError) as error:
        print(f"protocol: {error}", file=sys.stderr)
        sys.exit(2)
    except Interrupted:
        print("protocol: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
