"""The report of a campaign: what `calvo validate` says, how it came about, and the raw numbers."""
import csv
import json
import re
import subprocess

from campaign import CampaignError

# Of summary.json, for runs.csv.
COLUMNS = ["completed", "mean_ttft_ms", "median_ttft_ms", "p90_ttft_ms", "p99_ttft_ms",
           "slo_attainment", "duration"]


def bandwidth_of(calibration, link):
    """Payload rate of a link of a calibration file, in bytes per second."""
    found = re.search(rf"^  {link}: \{{.*bandwidth: ([0-9.e+]+) B/s", calibration, re.M)
    if not found:
        raise CampaignError(f"calibration.yaml: has no {link} with a bandwidth in B/s")
    return float(found[1])


def residuals(measures):
    """Every (name, residual) of a cell of validation.json."""
    for name, residual in measures["ttft_ms"].items():
        if residual:
            yield f"ttft_{name}_ms", residual
    for scale, residual in (measures["attainment"] or {}).items():
        yield f"attainment_x{scale}", residual
    for name, residual in measures["stages_ms"].items():
        yield f"{name}_ms", residual


def write_numbers(path, validation):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["scenario", "engine", "held_out", "metric", "simulated", "real", "error",
                        "error_low", "error_high", "spread"])
        for cell in validation["cells"]:
            if not cell["measures"]:
                continue
            for metric, residual in residuals(cell["measures"]):
                low, high = residual["error_ci95"] or ("", "")
                spread = "" if residual["spread"] is None else residual["spread"]
                table.writerow([cell["scenario"], cell["engine"], int(cell["held_out"]), metric,
                                residual["simulated"], residual["real"], residual["error"], low,
                                high, spread])


def write_runs(path, protocol):
    """A row for each run, real or simulated, sound or not."""
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["scenario", "engine", "run", *COLUMNS, "lateness_p99_s", "spare_cpu_busy",
                        "stages_ms", "discarded"])
        for cell in protocol.campaign.cells():
            for kind in ("predicted", "measured", "discarded"):
                place = protocol.out / kind / cell.path
                summaries = [*place.glob("summary.json"), *place.glob("*/summary.json")]
                for summary in sorted(summaries):
                    text = json.loads(summary.read_text())
                    load = text.get("load") or {}
                    reason = summary.with_name("discarded.txt")
                    table.writerow([
                        cell.scenario.name, cell.engine,
                        kind if kind == "predicted" else f"{kind} {summary.parent.name}",
                        *(text[column] for column in COLUMNS),
                        load.get("lateness_p99_s", ""), load.get("spare_cpu_busy", ""),
                        json.dumps(text["stages_ms"]),
                        reason.read_text().strip() if reason.exists() else ""])


def discards(protocol):
    """(run, reason) of each real run that was put aside."""
    for cell in protocol.campaign.cells():
        for repeat in range(1, protocol.campaign.repeats + 1):
            for run in protocol.discarded(repeat, cell):
                yield f"{cell.path}, repeat {repeat}", (run / "discarded.txt").read_text().strip()


def gaps(protocol):
    """Cells with fewer sound runs than planned."""
    for cell in protocol.campaign.cells():
        sound = sum(1 for repeat in range(1, protocol.campaign.repeats + 1)
                    if protocol.measured(repeat, cell).exists())
        if sound < protocol.campaign.repeats:
            yield f"{cell.path}: {sound} of {protocol.campaign.repeats}"


def heading(protocol):
    campaign = protocol.campaign
    manifest = json.loads(protocol.manifest.read_text())
    version = subprocess.run([protocol.calvo, "--version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    environments = sorted(protocol.out.glob("measured/*/*/*/environment.json"))
    environment = json.loads(environments[0].read_text()) if environments else {}
    bed = campaign.testbed
    yield f"# Campaign {campaign.name}\n"
    yield f"{campaign.purpose}\n"
    yield f"* program: {version}"
    yield f"* machine: {environment.get('host', '?')}, {environment.get('cpu', '?')}"
    nodes = (f"{bed.nodes} storage nodes in network namespaces, links of {bed.rate}"
             if protocol.testbed.name == "netns"
             else f"storage nodes on loopback, each paced to {bed.rate}")
    yield f"* testbed: fabric {bed.fabric}, device {bed.device}, {nodes}"
    yield (f"* predictions frozen {manifest['frozen']}, before the first real run: manifest.json "
           f"has the SHA-256 of {len(manifest['sha256'])} files")
    yield f"* held out, named before anything was measured: {', '.join(campaign.holdout) or 'none'}"
    yield f"* repeats: {campaign.repeats}, engines and scenarios interleaved in random order"


def write(protocol, missing, control):
    """report.md, numbers.csv and runs.csv in the campaign's directory."""
    out = protocol.out
    write_numbers(out / "numbers.csv", json.loads((out / "validation.json").read_text()))
    write_runs(out / "runs.csv", protocol)

    lines = list(heading(protocol))
    put_aside = list(discards(protocol))
    lines.append(f"* real runs put aside and repeated: {len(put_aside)}")
    lines += [f"  * {run}: {reason}" for run, reason in put_aside]
    incomplete = list(gaps(protocol))
    if incomplete:
        lines.append("* fewer sound runs than planned, after "
                     f"{protocol.campaign.attempts} attempts: {'; '.join(incomplete)}")
    if missing:
        lines.append("* without a sound run, so not below, and outside tolerance: "
                     + ", ".join(str(cell.path) for cell in missing))
    if control is not None:
        factor = protocol.campaign.control["factor"]
        found = {"red": "is found outside tolerance, as it must be, and within it without",
                 "blind": "is NOT found outside: this validation cannot see a wrong link",
                 "unsound": "says nothing: it is outside tolerance without that, too"}
        lines.append(f"* control: with link rates times {factor}, "
                     f"{protocol.campaign.control['scenario']} {found[control]}")
    lines += ["", (out / "validation.md").read_text()]
    (out / "report.md").write_text("\n".join(lines))
