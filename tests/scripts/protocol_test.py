"""scripts/protocol.py from end to end, on a stand-in for a testbed.

protocol_test.py PROGRAM [unittest arguments]
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parent.parent / "scripts"
PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
PATIENCE_S = 300

SCENARIO = """\
engine: calvo
model: Llama-3.1-8B
hardware: {gpu: H100, nic: rdma_100g}
memory: {gpu: 8 GiB, host: 16 GiB, remote: 64 GiB}
workload:
  synthetic:
    arrival: {kind: poisson, rate: 1 /s}
    count: 40
    context: {kind: lognormal, mean: 12000, cv: 0.5, high: 40000}
    query: 200
    output: 2
    contexts: 16
    hit_fractions: [1, 0.75]
slo: {ttft: {factor: [2, 4, 8]}}
"""

CALIBRATION = """\
hardware:
  gpu: H100
  serving_nic: {latency: 0.0001 s, per_operation: 1e-06 s, bandwidth: 2e+09 B/s}
  storage_nic: {latency: 0.0001 s, per_operation: 1e-06 s, bandwidth: 2e+09 B/s}
"""

CAMPAIGN = {
    "name": "try", "purpose": "A campaign of the tests.", "scenario": "s.yaml", "set": [],
    "scenarios": {"try-low": ["workload.synthetic.arrival.rate=0.3 /s"],
                  "try-high": ["workload.synthetic.arrival.rate=0.9 /s"]},
    "engines": ["calvo", "vllm_sync"], "baseline": "vllm_sync", "holdout": ["try-high"],
    "repeats": 2, "attempts": 2, "seed": 1,
    "testbed": {"fabric": "tcp", "device": "host", "nodes": 1, "rate": "1 Gbit/s", "node_core": None,
                "hardware": [],
                "realrun": []},
    "tolerances": {"ttft_p50": "5 %"}, "control": {"scenario": "try-low", "factor": 0.8},
}


class Protocol(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        (self.place / "s.yaml").write_text(SCENARIO)
        (self.place / "calibration").write_text(CALIBRATION)
        self.calls = self.place / "calls"
        self.calls.touch()
        self.out = self.place / "out"
        self.write_campaign()

    def write_campaign(self, **changes):
        campaign = {key: value for key, value in {**CAMPAIGN, **changes}.items() if value != "gone"}
        (self.place / "c.json").write_text(json.dumps(campaign))

    def start(self, *arguments, **environment):
        return subprocess.Popen(
            [sys.executable, SCRIPTS / "protocol.py", self.place / "c.json", "--out", self.out,
             "--calvo", HERE / "stand_in.py", *arguments],
            env={**os.environ, "CALVO": str(PROGRAM), "STAND_IN_CALLS": str(self.calls),
                 "STAND_IN_CALIBRATION": str(self.place / "calibration"),
                 "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def protocol(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def count(self, verb):
        return self.calls.read_text().split().count(verb)

    def measured(self):
        return sorted(self.out.glob("measured/*/*/*"))

    def test_a_campaign_runs_from_calibration_to_report(self):
        code, out, err = self.protocol()
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual(len(self.measured()), 8)
        manifest = json.loads((self.out / "manifest.json").read_text())
        self.assertEqual(manifest["holdout"], ["try-high"])
        self.assertIn("predicted/try-low/calvo/requests.csv", manifest["sha256"])
        report = (self.out / "report.md").read_text()
        self.assertIn("**WITHIN tolerance, judged over the held out scenarios**", report)
        self.assertIn("with link rates times 0.8, try-low is found outside tolerance, as it must "
                      "be, and within it without", report)
        self.assertIn("* real runs put aside and repeated: 0\n", report)
        numbers = (self.out / "numbers.csv").read_text().splitlines()
        self.assertTrue(numbers[1].startswith("try-low,vllm_sync,0,ttft_mean_ms,"), numbers[1])
        self.assertEqual(len((self.out / "runs.csv").read_text().splitlines()), 1 + 4 + 8)

    def test_what_is_done_is_not_done_again(self):
        self.assertEqual(self.protocol()[0], 0)
        before = self.calls.read_text().split()
        times = [run.stat().st_mtime_ns for run in self.measured()]
        self.assertEqual(self.protocol()[0], 0)
        after = self.calls.read_text().split()[len(before):]
        self.assertEqual([call for call in after if call in ("run", "realrun", "calibrate")], [])
        self.assertEqual([run.stat().st_mtime_ns for run in self.measured()], times)

    def test_ctrl_c_ends_it_and_the_same_command_goes_on(self):
        process = self.start(STAND_IN_PAUSE="4")
        limit = time.monotonic() + PATIENCE_S
        while self.count("realrun") < 4 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130, out + err)
        self.assertIn("the same command goes on from here", err)
        self.assertEqual(len(self.measured()), 3)
        kept = {run: run.stat().st_mtime_ns for run in self.measured()}
        code, out, err = self.protocol()
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual(len(self.measured()), 8)
        for run, when in kept.items():
            self.assertEqual(run.stat().st_mtime_ns, when)
        self.assertEqual(self.count("calibrate"), 1)

    def test_an_interrupted_simulation_is_made_again(self):
        self.write_campaign(repeats=1)
        for run, control in (("2", 0), ("7", 1)):  # a prediction's, and one of the control
            code, out, err = self.protocol(STAND_IN_STOPPED=run)
            self.assertEqual(code, 130, out + err)
            self.assertEqual(len(list(self.out.glob("control/*/*"))), control)
        code, out, err = self.protocol()
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual(self.count("run"), 4 + 2 + 2)
        for summary in self.out.glob("**/summary.json"):
            self.assertTrue(json.loads(summary.read_text())["complete"], summary)

    def test_a_scenario_of_another_name_is_refused_before_anything_is_frozen(self):
        self.write_campaign(set=["name=other"])
        code, _, err = self.protocol()
        self.assertEqual((code, err), (
            2, f'protocol: {self.place}/c.json: scenario "try-low" is named "other" in its '
               'results; name it so in the campaign\n'))
        self.assertFalse((self.out / "manifest.json").exists())

    def test_a_place_that_cannot_be_written_is_wrong_input(self):
        self.out.write_text("a file")
        code, _, err = self.protocol()
        self.assertEqual(code, 2)
        self.assertEqual(err, f"protocol: [Errno 17] File exists: '{self.out}'\n")

    def test_predictions_cannot_change_once_they_are_frozen(self):
        self.assertEqual(self.protocol("--until", "predict")[0], 0)
        self.assertEqual(self.measured(), [])
        with (self.out / "predicted/try-low/calvo/requests.csv").open("a") as file:
            file.write("\n")
        code, _, err = self.protocol()
        self.assertEqual(code, 2)
        self.assertEqual(err, f"protocol: {self.out}/manifest.json: changed since it was frozen: "
                              "predicted/try-low/calvo/requests.csv; put it back, or begin anew "
                              "with another --out\n")
        self.assertEqual(self.measured(), [])

    def test_hold_out_names_cannot_change_once_they_are_frozen(self):
        self.assertEqual(self.protocol("--until", "predict")[0], 0)
        self.write_campaign(holdout=["try-low"])
        code, _, err = self.protocol()
        self.assertEqual(code, 2)
        self.assertIn("changed since it was frozen: campaign; ", err)

    def test_a_late_run_is_put_aside_repeated_and_counted(self):
        code, out, err = self.protocol(STAND_IN_LATE="3")
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual(self.count("realrun"), 9)
        self.assertEqual(len(list(self.out.glob("discarded/*/*/*"))), 1)
        self.assertEqual(len(self.measured()), 8)
        report = (self.out / "report.md").read_text()
        self.assertIn("* real runs put aside and repeated: 1\n", report)
        self.assertIn("its load came late: P99 9000.000 ms", report)

    def test_a_baseline_without_a_sound_run_is_outside_and_reported(self):
        self.write_campaign(repeats=1, attempts=1)
        code, out, err = self.protocol(STAND_IN_LATE_ENGINE="vllm_sync")
        self.assertEqual((code, err), (1, ""), out)
        self.assertEqual({run.parent.name for run in self.measured()}, {"calvo"})
        report = (self.out / "report.md").read_text()
        self.assertIn("* without a sound run, so not below, and outside tolerance: "
                      "try-low/vllm_sync, try-high/vllm_sync\n", report)
        self.assertIn("try-low is found outside tolerance, as it must be", report)
        self.assertNotIn("* machine: ?", report)

    def test_a_run_that_fails_is_repeated_unless_it_is_the_first(self):
        code, out, err = self.protocol(STAND_IN_FAIL="2")
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn("the network is gone", (self.out / "report.md").read_text())
        self.assertEqual(len(self.measured()), 8)

    def test_a_failure_of_the_first_real_run_ends_it(self):
        code, _, err = self.protocol(STAND_IN_FAIL="1")
        self.assertEqual(code, 2)
        self.assertIn("ended with exit code 1", err)
        self.assertIn("the network is gone", err)

    def test_a_wrong_model_is_outside(self):
        # The real runs have a link that is a fifth slower than what was measured.
        self.write_campaign(control=None, testbed={
            **CAMPAIGN["testbed"], "realrun": ["--set", "hardware.storage_nic.bandwidth=1.6 GB/s"]})
        code, out, err = self.protocol()
        self.assertEqual((code, err), (1, ""), out)
        self.assertIn("**OUTSIDE tolerance", (self.out / "report.md").read_text())

    def test_a_control_that_does_not_turn_red_is_a_failure(self):
        self.write_campaign(control={"scenario": "try-low", "factor": 1.0})
        code, out, err = self.protocol()
        self.assertEqual((code, err), (1, ""), out)
        report = (self.out / "report.md").read_text()
        self.assertIn("**WITHIN tolerance", report)
        self.assertIn("NOT found outside: this validation cannot see a wrong link", report)

    def test_a_control_says_nothing_where_right_rates_are_outside(self):
        self.write_campaign(control={"scenario": "try-low", "factor": 0.8},
                            tolerances={"ttft_p50": "5 %", "worst_ttft_p50": "0.0000001 %"})
        code, out, err = self.protocol()
        self.assertEqual((code, err), (1, ""), out)
        self.assertIn("try-low says nothing: it is outside tolerance without that, too",
                      (self.out / "report.md").read_text())

    def test_engines_cannot_change_once_they_are_frozen(self):
        self.assertEqual(self.protocol("--until", "predict")[0], 0)
        manifest = json.loads((self.out / "manifest.json").read_text())
        self.assertIn("scenarios/engines/calvo.yaml", manifest["sha256"])

    def test_wrong_campaigns_are_refused(self):
        for change, message in [
                ({"seeds": 1}, 'unknown key "seeds"'),
                ({"seed": "gone"}, '"seed" is missing'),
                ({"repeats": 0}, '"repeats" must be a whole number above 0'),
                ({"baseline": "none"}, '"baseline" must be one of the engines'),
                ({"holdout": ["try-mid"]}, 'holdout: no scenario "try-mid" (one of: try-low, '
                                           'try-high)'),
                ({"scenario": "t.yaml"}, "scenario: no file "),
                ({"scenarios": {"try,low": []}, "holdout": []},
                 '"scenarios.try,low" must be a name of letters, digits, "_", "-" and "."'),
                ({"testbed": {}}, 'testbed: "fabric" is missing'),
                ({"tolerances": {"ttft_p50": "5 %", "ttft_p5": "5 %"}},
                 'tolerances: ttft_p5: unknown limit (did you mean "ttft_p50" '),
                ({"tolerances": {"ttft_p50": "5"}},
                 'tolerances: ttft_p50: "5" is outside 0 to 1 (expected a share like '),
                ({"testbed": {**CAMPAIGN["testbed"], "rate": "1gbit"}},
                 '"testbed.rate" must be a rate like 125 Mbit/s')]:
            with self.subTest(message):
                self.write_campaign(**change)
                code, _, err = self.protocol()
                self.assertEqual(code, 2)
                self.assertTrue(err.startswith(f"protocol: {self.place}/c.json: "), err)
                self.assertIn(message, err)
                self.assertFalse(self.out.exists())

    def test_the_plan_names_scenarios_and_counts_runs(self):
        code, out, _ = self.protocol("--plan")
        self.assertEqual(code, 0)
        self.assertEqual(out, "try-low\ntry-high *\n4 cells (calvo, vllm_sync), 2 repeats: 8 real "
                              "runs; * held out\n")

    def test_shipped_campaigns_can_be_read(self):
        campaigns = sorted(SCRIPTS.glob("campaign_*.json"))
        self.assertEqual([file.name for file in campaigns],
                         ["campaign_full.json", "campaign_gpu.json", "campaign_small.json"])
        for file in campaigns:
            answer = subprocess.run([sys.executable, SCRIPTS / "protocol.py", file, "--plan"],
                                    capture_output=True, text=True, check=False,
                                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            self.assertEqual((answer.returncode, answer.stderr), (0, ""), file.name)


if __name__ == "__main__":
    unittest.main()
