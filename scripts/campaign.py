"""A validation campaign as data: which engines are to be predicted and measured on which scenarios.

A campaign is a JSON file:
  name        of the campaign
  purpose     one line for the report
  scenario    the scenario file that every cell changes, relative to the campaign file
  set         overrides that hold for every cell, as `calvo run --set` takes them
  scenarios   {name: [overrides]}: what each of them changes further; the names stand in results
  engines     each of them runs on each scenario
  baseline    the engine over which gains are told
  holdout     names of scenarios that nothing may be tuned on: the verdict rests on them
  repeats     real runs of each engine on each scenario, interleaved in random order
  attempts    how often one of them is tried before it is given up
  seed        of that order
  testbed     fabric, device; nodes: how many; rate: of each node's link ("125 Mbit/s"); node_core:
              the core that storage nodes in namespaces run on, or null; hardware: more arguments of
              `calvo calibrate` and `calvo realrun` (pacing, cores); realrun: of the latter only
  tolerances  limits of `calvo validate`; {} for its own
  control     {scenario, factor}: with link rates that are wrong by this factor, this scenario's
              predictions must be found outside; null for no such control
Every key must be there, and no other.
"""
import dataclasses
import json
import pathlib
import re


class CampaignError(Exception):
    """Wrong input: one line that says where, what and what to do."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    overrides: tuple


@dataclasses.dataclass(frozen=True)
class Cell:
    """One engine on one scenario."""
    scenario: Scenario
    engine: str

    @property
    def path(self):
        return pathlib.PurePath(self.scenario.name, self.engine)

    @property
    def overrides(self):
        return self.scenario.overrides


@dataclasses.dataclass(frozen=True)
class Testbed:
    fabric: str
    device: str
    nodes: int
    rate: str
    node_core: int
    hardware: list
    realrun: list

    def tc_rate(self):
        """The rate as tc writes it."""
        return self.rate.removesuffix("/s").replace(" ", "").lower()

    def tc_burst(self):
        """Bytes that may pass unshaped after a pause, which no prediction knows of: 0.2 ms of the
        rate, and no less than a packet of 9,000 bytes and what a late timer needs."""
        number, unit = self.rate.split()
        bits_per_s = float(number) * {"M": 1e6, "G": 1e9}[unit[0]]
        return f"{max(12_000, round(0.0002 * bits_per_s / 8))}b"


@dataclasses.dataclass(frozen=True)
class Campaign:
    file: pathlib.Path
    name: str
    purpose: str
    scenario: pathlib.Path
    set: list
    scenarios: dict
    engines: list
    baseline: str
    holdout: list
    repeats: int
    attempts: int
    seed: int
    testbed: Testbed
    tolerances: dict
    control: dict

    def scenario_list(self):
        return [Scenario(name, (f"name={name}", *self.set, *overrides))
                for name, overrides in self.scenarios.items()]

    def cells(self):
        return [Cell(scenario, engine)
                for scenario in self.scenario_list() for engine in self.engines]


def _strict(text, keys, where):
    if not isinstance(text, dict):
        raise CampaignError(f"{where}: must be a mapping of {', '.join(keys)}")
    for key in text:
        if key not in keys:
            raise CampaignError(f"{where}: unknown key \"{key}\" (one of: {', '.join(keys)})")
    for key in keys:
        if key not in text:
            raise CampaignError(f"{where}: \"{key}\" is missing")
    return text


def _expect(holds, where, key, rule):
    if not holds:
        raise CampaignError(f"{where}: \"{key}\" must be {rule}")


def _is_list_of_text(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _fields(kind):
    return [field.name for field in dataclasses.fields(kind)]


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def load(path):
    """Reads and checks a campaign file; raises CampaignError."""
    where = str(path)
    path = pathlib.Path(path)
    try:
        text = json.loads(path.read_text())
    except OSError as error:
        raise CampaignError(f"{where}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CampaignError(f"{where}: is not JSON ({error})") from error

    _strict(text, [key for key in _fields(Campaign) if key != "file"], where)
    bed = _strict(text["testbed"], _fields(Testbed), where + ": testbed")
    for key in ("name", "purpose", "scenario", "baseline"):
        _expect(isinstance(text[key], str) and text[key], where, key, "a text")
    for key in ("set", "engines", "holdout"):
        _expect(_is_list_of_text(text[key]), where, key, "a list of texts")
    for key in ("repeats", "attempts"):
        _expect(_is_count(text[key]), where, key, "a whole number above 0")
    _expect(isinstance(text["seed"], int), where, "seed", "a whole number")
    for key in ("fabric", "device"):
        _expect(isinstance(bed[key], str), where, f"testbed.{key}", "a text")
    _expect(isinstance(bed["rate"], str) and re.fullmatch(r"[0-9.]+ [MG]bit/s", bed["rate"]), where,
            "testbed.rate", "a rate like 125 Mbit/s")
    _expect(bed["node_core"] is None or isinstance(bed["node_core"], int), where,
            "testbed.node_core", "the number of a core, or null")
    for key in ("hardware", "realrun"):
        _expect(_is_list_of_text(bed[key]), where, f"testbed.{key}", "a list of texts")
    _expect(_is_count(bed["nodes"]), where, "testbed.nodes", "a whole number above 0")
    _expect(isinstance(text["scenarios"], dict) and text["scenarios"] and
            all(map(_is_list_of_text, text["scenarios"].values())), where, "scenarios",
            "a mapping of lists of overrides, one at least")
    for name in text["scenarios"]:  # a folder, and one of several after `--holdout`
        _expect(re.fullmatch(r"[\w.-]*\w", name), where, f"scenarios.{name}",
                "a name of letters, digits, \"_\", \"-\" and \".\"")
    _expect(isinstance(text["tolerances"], dict) and
            all(isinstance(value, str) for value in text["tolerances"].values()),
            where, "tolerances", "a mapping of texts")
    _expect(len(set(text["engines"])) == len(text["engines"]) > 0, where, "engines",
            "different engines, one at least")
    _expect(text["baseline"] in text["engines"], where, "baseline", "one of the engines")

    values = {**text, "file": path, "scenario": (path.parent / text["scenario"]).resolve(),
              "testbed": Testbed(**bed)}
    campaign = Campaign(**values)
    names = list(text["scenarios"])
    for name in campaign.holdout:
        if name not in names:
            raise CampaignError(f"{where}: holdout: no scenario \"{name}\" (one of: "
                                f"{', '.join(names)})")
    if campaign.control is not None:
        control = _strict(campaign.control, ["scenario", "factor"], where + ": control")
        _expect(control["scenario"] in names, where, "control.scenario", "one of the scenarios")
        _expect(isinstance(control["factor"], float) and control["factor"] > 0, where,
                "control.factor", "a factor like 0.8")
    if not campaign.scenario.is_file():
        raise CampaignError(f"{where}: scenario: no file {campaign.scenario}")
    return campaign
