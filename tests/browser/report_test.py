"""The page of `calvo report` as a reader meets it, in a real browser.

usage: report_test.py CALVO [unittest arguments]
"""
import csv
import io
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import browser  # noqa: E402

SKIPPED = 77
REQUESTS = 20000

SCENARIO = """
name: {name}
engine: calvo
model: Llama-3.1-8B
hardware: {{gpu: H100, nic: rdma_100g}}
topology: {{kind: star}}
block_tokens: 256
memory: {{gpu: 8 GiB, host: 16 GiB, remote: 64 GiB}}
workload:
  synthetic:
    arrival: {{kind: poisson, rate: 4 /s}}
    count: {requests}
    context: {{kind: lognormal, mean: 12000, cv: 0.5, high: 40000}}
    query: 200
    output: 20
    contexts: 16
    hit_fractions: [1, 0.75]
slo: {{ttft: {{factor: [1.2, 1.5, 2]}}}}
"""
LARGE = SCENARIO.format(name="large", requests=REQUESTS)
SMALL = SCENARIO.format(name="small", requests=80)
SWEEP = """
scenario: small.yaml
engines: [vllm_sync, calvo]
seeds: 3
axes:
  workload.synthetic.arrival.rate: [2 /s, 4 /s, 8 /s]
keep: [requests]
"""
PANELS = """
scenario: small.yaml
engines: [vllm_sync, calvo]
seeds: 2
axes:
  block_tokens: [128, 256]
  workload.synthetic.arrival.rate: [2 /s, 8 /s]
"""

calvo = None
place = None
chromium = None


def run(*arguments):
    return subprocess.run([calvo, *arguments], cwd=place, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def make_pages():
    """runs.html: a run of many requests and one of another engine; sweep.html; pair.html."""
    (place / "large.yaml").write_text(LARGE)
    (place / "small.yaml").write_text(SMALL)
    run("run", "large.yaml", "--engine", "calvo", "--out", "large", "--quiet")
    run("run", "small.yaml", "--engines", "vllm_sync,calvo", "--out", "small", "--quiet")
    run("report", "large", "-o", "large.html")
    run("report", "small", "-o", "runs.html")
    (place / "sweep.yaml").write_text(SWEEP)
    run("sweep", "sweep.yaml", "--out", "swept", "--quiet")
    run("report", "swept", "-o", "sweep.html")
    (place / "panels.yaml").write_text(PANELS)
    run("sweep", "panels.yaml", "--out", "panelled", "--quiet")
    run("report", "panelled", "-o", "panels.html")
    # A real run is told by its environment; the page does the same with it wherever it comes from.
    shutil.copytree(place / "small", place / "measured")
    for path in (place / "measured").glob("*/environment.json"):
        environment = json.loads(path.read_text())
        environment["driver"] = "realrun"
        path.write_text(json.dumps(environment))
    run("report", "small", "measured", "-o", "pair.html")


class Page(unittest.TestCase):
    page = "runs.html"

    def setUp(self):
        chromium.resize(1200, 900)
        chromium.media()
        chromium.open(place / self.page)

    def figure(self, name, what):
        return chromium.js(f"return calvo.figures.get(arguments[0]).{what}", name)

    def words(self, name):
        return chromium.find(f"#{name}-words").text


class EveryPage(Page):
    def test_draws_every_plot_without_an_error_and_without_a_network(self):
        pages = {
            "runs.html": ["attainment", "ttft", "ttft-cdf", "deadline-cdf", "stages", "utilization",
                          "queues", "work", "memory", "timeline"],
            "sweep.html": ["attainment", "ttft", "goodput", "ttft-cdf", "deadline-cdf", "stages",
                           "utilization", "queues", "timeline"],
            "pair.html": ["overlay", "errors", "attainment", "ttft-cdf"],
        }
        for page, names in pages.items():
            chromium.open(place / page)
            self.assertEqual(chromium.console_errors(), [], page)
            asked = [url for url in chromium.requested() if not url.startswith(("data:", "blob:"))]
            self.assertEqual(asked, [(place / page).resolve().as_uri()], page)
            for name in names:
                with self.subTest(page=page, figure=name):
                    self.assertGreater(len(self.words(name)), 40)
                    self.assertGreater(chromium.js(MARKS, name), 3)

    def test_says_so_if_its_data_are_damaged(self):
        text = (place / "runs.html").read_text()
        (place / "damaged.html").write_text(re.sub(r"(id=\"data\">).{1000}", r"\1", text))
        chromium.driver.get((place / "damaged.html").as_uri())
        chromium.wait("return document.getElementById('loading').textContent.includes('cannot be read')")


class Reading(Page):
    def test_hides_an_engine_in_every_plot_that_compares_engines(self):
        self.assertIn("vllm_sync", self.words("attainment"))
        chromium.find("input[name=engine][value=vllm_sync]").click()
        for name in ("attainment", "ttft", "ttft-cdf", "deadline-cdf", "stages", "utilization"):
            self.assertNotIn("vllm_sync", self.words(name))
            self.assertIn("calvo", self.words(name))
        self.assertNotIn("vllm_sync", self.figure("ttft-cdf", "csv()"))
        chromium.find("input[name=engine][value=calvo]").click()
        for name in ("attainment", "ttft", "ttft-cdf", "deadline-cdf", "stages", "utilization"):
            self.assertEqual(chromium.find(f"#{name} .nothing").text,
                             "No engine is shown: switch one on at the top.")
        chromium.find("input[name=engine][value=calvo]").click()
        chromium.find("input[name=engine][value=vllm_sync]").click()
        self.assertIn("vllm_sync", self.words("attainment"))

    def test_shows_another_run_and_another_statistic_when_asked(self):
        box = chromium.find("#one-run-over-time ~ .controls select")
        for option in box.find_elements("css selector", "option"):
            option.click()
            self.assertTrue(self.words("queues").startswith(option.text))
            self.assertTrue(self.words("timeline").startswith(option.text))
        for option in chromium.find("#ttft select").find_elements("css selector", "option"):
            option.click()
            self.assertIn(option.text.lower(), self.words("ttft").lower())

    def test_has_its_data_as_table_csv_svg_and_png(self):
        for name in chromium.js("return [...calvo.figures.keys()]"):
            with self.subTest(figure=name):
                rows = list(csv.reader(io.StringIO(self.figure(name, "csv()"))))
                self.assertGreater(len(rows), 1)
                self.assertEqual({len(row) for row in rows}, {len(rows[0])})
                chromium.find(f"#{name} summary").click()
                shown = chromium.wait("return document.querySelectorAll('#' + arguments[0] +"
                                      " ' tbody tr').length", name)
                self.assertLessEqual(shown, 400)
                svg = self.figure(name, "svg()")
                self.assertEqual(xml.etree.ElementTree.fromstring(svg).tag,
                                 "{http://www.w3.org/2000/svg}svg")
                self.assertIn(chromium.find(f"#{name} h3").text.split()[0], svg)
                self.assertTrue(self.figure(name, "png()").startswith("data:image/png;base64,iVBOR"))

    def test_saves_files(self):
        for kind, start in (("csv", b"engine,"), ("svg", b"<svg"), ("png", b"\x89PNG")):
            chromium.js("[...document.querySelectorAll('#attainment button')]"
                        ".find((b) => b.textContent === arguments[0]).click()", f"Save {kind.upper()}")
            self.assertTrue(chromium.downloaded(f"attainment.{kind}").startswith(start))

    def test_is_light_or_dark_as_the_system_or_the_reader_wants(self):
        color = "return getComputedStyle(document.body).backgroundColor"
        light = chromium.js(color)
        chromium.media(scheme="dark")
        chromium.wait(f"{color} !== arguments[0]", light)
        dark = chromium.js(color)
        self.assertEqual(self.figure("ttft-cdf", "chart.getOption().legend[0].textStyle.color"),
                         "#e6e8eb")
        chromium.find("#toolbar label:last-child option[value=light]").click()
        self.assertEqual(chromium.js(color), light)
        chromium.find("#toolbar label:last-child option[value=dark]").click()
        self.assertEqual(chromium.js(color), dark)
        for scheme in ("light", "dark"):
            chromium.find(f"#toolbar label:last-child option[value={scheme}]").click()
            for front in ("--text", "--quiet", "--accent", "--bad"):
                for back in ("--page", "--panel"):
                    self.assertGreaterEqual(chromium.js(CONTRAST, front, back), 4.5,
                                            f"{scheme}: {front} on {back}")

    def test_counts_who_is_in_time_as_requests_csv_and_the_summary_do(self):
        for directory in (place / "small").iterdir():
            summary = json.loads((directory / "summary.json").read_text())
            rows = list(csv.DictReader(io.StringIO((directory / "requests.csv").read_text())))
            judged = [row for row in rows if row["deadline_s"]]
            in_time = sum(row["outcome"] == "completed" and float(row["ttft_s"]) <= float(row["deadline_s"])
                          for row in judged)
            self.assertTrue(0 < in_time < len(judged), "tells nothing apart")
            engine = summary["engine"]
            self.assertEqual(summary["slo_attainment"], in_time / len(judged))
            self.assertRegex(self.words("deadline-cdf"),
                             rf"\b{engine} {100 * in_time / len(judged):.1f}.%")
            shares = chromium.js(
                "const {distribution: d} = calvo.model.groups.find((g) => g.engine === arguments[0]);"
                "return arguments[1].map((limit) => calvo.shareWithin(d.ttft_s, limit))", engine,
                [float(row["ttft_s"]) for row in rows])
            for row, share in zip(rows, shares):
                self.assertEqual(share, sum(float(other["ttft_s"]) <= float(row["ttft_s"])
                                            for other in rows) / len(rows))

    def test_has_colours_that_differ_for_the_colour_blind_too(self):
        for scheme in ("light", "dark"):
            engines, stages = chromium.js(
                "calvo.theme.choose(arguments[0]); const c = calvo.theme.colors();"
                "return [c.engines.slice(0, 7), Object.values(c.stages)]", scheme)
            for colors in (engines, stages):
                for sight in SIGHTS:
                    seen = [lab(sight, color) for color in colors]
                    nearest = min(math.dist(a, b) for i, a in enumerate(seen) for b in seen[:i])
                    self.assertGreaterEqual(nearest, 17, (scheme, colors, sight))

    def test_fits_the_screen_or_says_where_the_rest_is(self):
        for width in (1280, 800, 360):
            chromium.resize(width, 740)
            chromium.open(place / self.page)
            self.assertLessEqual(chromium.js("return document.documentElement.scrollWidth"), width)
            hidden, told = chromium.js(
                "const box = document.querySelector('.summary .scroll');"
                "const hint = document.querySelector('.summary .sideways');"
                "return [box.scrollWidth - box.clientWidth, getComputedStyle(hint).display !== 'none']")
            self.assertEqual(hidden > 1, told, width)
            if width == 1280:
                self.assertFalse(told)
        # Every name of a legend is there, in as many rows as it takes, above the plot.
        top, rest = self.figure("stages", "chart.getOption().grid[0].top"), self.figure("stages", "shown.legend")
        self.assertGreater(rest, 0)
        self.assertEqual(top, 40 + rest)
        chromium.media("print")
        chromium.resize(700, 900)
        self.assertLessEqual(chromium.js("return document.documentElement.scrollWidth"), 700)

    def test_prints_in_light_colours_and_without_controls(self):
        chromium.media(scheme="dark")
        chromium.js("window.printed = []; window.addEventListener('beforeprint', () =>"
                    " printed.push(document.documentElement.dataset.theme, calvo.figures.get('stages').chart.getWidth()))")
        pdf = chromium.pdf()
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.assertGreater(len(re.findall(rb"/Type\s*/Page[^s]", pdf)), 3)
        self.assertEqual(chromium.js("return printed"), ["light", 660])
        self.assertEqual(chromium.js("return document.documentElement.dataset.theme"), "dark")
        chromium.media("print")
        for selector in ("#toolbar", ".actions", ".controls", "details"):
            self.assertEqual(chromium.find(selector).value_of_css_property("display"), "none")
        self.assertEqual(chromium.find("figure").value_of_css_property("break-inside"), "avoid")

    def test_names_everything_for_a_screen_reader(self):
        self.assertEqual(chromium.js(NAMELESS), [])
        for name in chromium.js("return [...calvo.figures.keys()]"):
            chart = chromium.find(f"#{name} .chart")
            self.assertEqual(chart.get_attribute("role"), "img")
            self.assertIn(chromium.find(f"#{name} h3").text, chart.get_attribute("aria-label"))
            words = chromium.find(f"#{name}-words").get_property("textContent")
            self.assertIn(words, chart.get_attribute("aria-label"))
        self.assertEqual(chromium.js("const ids = [...document.querySelectorAll('[id]')].map((n) => n.id);"
                                     "return ids.filter((id, i) => ids.indexOf(id) !== i)"), [])


class ManyRequests(Page):
    page = "large.html"

    def range(self):
        return chromium.js("const z = calvo.figures.get('timeline').zooming('x')[0].zoom;"
                           "return [z.start, z.end]")

    def drawn(self):
        return chromium.js("const d = document.querySelector('#timeline .chart').dataset;"
                           "return [Number(d.drawn), Number(d.matching)]")

    def settle(self, condition):
        chromium.wait("const d = document.querySelector('#timeline .chart').dataset;"
                      "const drawn = Number(d.drawn), matching = Number(d.matching);"
                      f"return {condition}")

    def press(self, keys):
        chromium.find("#timeline .chart").send_keys(keys)

    def test_shows_all_of_them_thinned_out_and_each_when_zoomed_in(self):
        self.press("0")
        self.settle(f"matching === {REQUESTS}")
        drawn, _ = self.drawn()
        self.assertLess(drawn, 2000)
        self.assertIn("zoom in to see each", self.words("timeline"))
        for _ in range(7):
            self.press("+")
        self.settle(f"drawn > 0 && drawn === matching && matching < {REQUESTS} / 10")
        self.assertIn("all ", self.words("timeline"))
        self.assertEqual(chromium.console_errors(), [])

    def test_zooms_and_pans_by_keys_and_buttons(self):
        self.press("0")
        self.assertEqual(self.range(), [0, 100])
        self.press("+")
        self.assertEqual(self.range(), [25, 75])
        self.press("\ue014")  # arrow right
        self.assertEqual(self.range(), [35, 85])
        self.press("\ue012")  # arrow left
        self.press("-")
        self.assertEqual(self.range(), [0, 100])
        zoom_in, zoom_out = chromium.driver.find_elements(
            "css selector", "#timeline .actions button")[:2]
        zoom_in.click()
        self.assertEqual(self.range(), [25, 75])
        zoom_out.click()
        self.assertEqual(self.range(), [0, 100])

    def test_is_reached_and_read_by_keyboard_alone(self):
        chromium.js("document.body.focus()")
        chromium.find("body").send_keys("\ue004")  # tab
        self.assertEqual(chromium.js("return document.activeElement.className"), "skip")
        seen = set()
        for _ in range(150):
            chromium.driver.switch_to.active_element.send_keys("\ue004")
            seen.add(chromium.js("const n = document.activeElement; const f = n.closest('figure');"
                                 "return (f ? f.id + ' ' : '') + n.tagName + ' ' + n.className"))
            if "timeline SUMMARY " in seen:
                break
        for name in chromium.js("return [...calvo.figures.values()].filter((f) => f.chart).map((f) => f.id)"):
            self.assertIn(f"{name} DIV chart", seen)

    def test_finds_a_request_by_its_number(self):
        box = chromium.find("#timeline input[type=search]")
        box.send_keys("12345\n")
        self.settle("drawn > 0")
        rows = list(csv.DictReader(io.StringIO(self.figure("timeline", "csv()"))))
        row = next(row for row in rows if row["request"] == "12345")
        begin, end = self.range()
        span = chromium.js("const z = calvo.figures.get('timeline').chart.getOption().xAxis[0];"
                           "return [z.min, z.max]")
        at = (float(row["arrival_s"]) - span[0]) / (span[1] - span[0]) * 100
        self.assertTrue(begin <= at <= end)
        box.clear()
        box.send_keys("999999999\n")
        chromium.wait("return document.querySelector('#timeline .controls [role=status]')"
                      ".textContent.includes('no request 999999999')")

    def test_has_every_request_in_its_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.figure("timeline", "csv()"))))
        self.assertEqual(len(rows), REQUESTS)
        self.assertEqual(len({row["request"] for row in rows}), REQUESTS)
        for row in rows[::97]:
            stages = sum(float(row[stage]) for stage in row if stage.endswith("_s") and stage not in
                         ("arrival_s", "ttft_s", "deadline_s", "decode_s"))
            self.assertAlmostEqual(stages, float(row["ttft_s"]), delta=1e-5)


class Sweep(Page):
    page = "sweep.html"

    def test_draws_a_band_for_each_engine_and_the_target(self):
        series = self.figure("attainment", "option().series.map((s) => [s.type, s.name, s.data.length])")
        self.assertEqual([one for one in series if one[0] == "line"],
                         [["line", "vllm_sync", 3], ["line", "calvo", 3]])
        self.assertEqual([one[1] for one in series if one[0] == "custom"], ["vllm_sync", "calvo"])
        self.assertIn("3 seeds", self.words("attainment"))
        self.assertIn("90 %", chromium.find("#attainment").text)

    def test_shows_the_distribution_of_the_load_that_is_chosen(self):
        before = self.figure("ttft-cdf", "csv()")
        boxes = chromium.driver.find_elements("css selector", "#toolbar select")
        boxes[0].find_elements("css selector", "option")[-1].click()
        self.assertNotEqual(self.figure("ttft-cdf", "csv()"), before)
        for name in ("ttft-cdf", "deadline-cdf", "stages", "utilization"):
            self.assertTrue(self.words(name).startswith("At rate 8"), self.words(name))

    def test_says_what_was_not_kept_and_offers_nothing_to_do_with_it(self):
        self.assertIn("wrote no timeline.json", chromium.find("#work").text)
        self.assertFalse(chromium.find("#work .actions").is_displayed())
        self.assertTrue(chromium.find("#queues .actions").is_displayed())

    def test_tells_a_warning_once_for_all_runs_that_it_is_of(self):
        items = chromium.js("return [...document.querySelectorAll('.warning li')]"
                            ".map((n) => n.textContent)")
        kinds = [re.sub(r"(?<!\w)\d+(\.\d+)?", "#", item.split(": ", 1)[1]) for item in items]
        self.assertEqual(len(kinds), len(set(kinds)), items)
        self.assertTrue(any(item.startswith("All 18 runs: 80 requests measured")
                            for item in items), items)


class Panels(Page):
    page = "panels.html"

    def test_draws_a_panel_for_each_setting_with_every_engine_in_it(self):
        lines = self.figure("ttft", "option().series.filter((s) => s.type === 'line')"
                            ".map((s) => [s.xAxisIndex, s.name, s.data.length])")
        self.assertEqual(sorted(lines), [[0, "calvo", 2], [0, "vllm_sync", 2],
                                         [1, "calvo", 2], [1, "vllm_sync", 2]])
        self.assertEqual(self.figure("ttft", "chart.getOption().title.map((t) => t.text)"),
                         ["block_tokens 128", "block_tokens 256"])
        self.assertEqual(self.figure("ttft", "pictureOption().title.map((t) => t.text)")[1:],
                         ["block_tokens 128", "block_tokens 256"])
        self.assertEqual(chromium.console_errors(), [])

    def test_names_the_load_whose_stages_it_shows_and_shows_another_when_asked(self):
        self.assertTrue(self.words("stages").startswith("At a load of 8 /s. "), self.words("stages"))
        before = self.figure("stages", "csv()")
        chromium.find("#stages select option").click()
        self.assertTrue(self.words("stages").startswith("At a load of 2 /s. "), self.words("stages"))
        self.assertNotEqual(self.figure("stages", "csv()"), before)

    def test_zooms_all_panels_at_once(self):
        self.figure("ttft", "zoom(0.5)")
        ranges = self.figure("ttft", "chart.getOption().dataZoom.map((z) => [z.xAxisIndex, z.start, z.end])")
        self.assertEqual(ranges, [[[0, 1], 25, 75]])


# What full dichromats see of linear RGB: protanopes, deuteranopes, tritanopes (Machado et al. 2009).
SIGHTS = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
]


def lab(sight, color):
    """CIELAB (D65) of what `sight` makes of "#rrggbb"."""
    def times(matrix, vector):
        return [sum(a * b for a, b in zip(row, vector)) for row in matrix]
    rgb = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    seen = [min(1, max(0, c)) for c in times(sight, linear)]
    xyz = times([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], seen)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
               for t in (v / white for v, white in zip(xyz, (0.95047, 1, 1.08883))))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


MARKS = """
const node = document.querySelector('#' + arguments[0] + ' .chart');
const svg = node.querySelector('svg');
if (svg) return svg.querySelectorAll('path, rect').length;
const canvas = node.querySelector('canvas');
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
const colors = new Set();
for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colors.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
return colors.size;
"""
CONTRAST = """
const style = getComputedStyle(document.documentElement);
const luminance = (name) => {
  const hex = style.getPropertyValue(name).trim().slice(1);
  const [r, g, b] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const [a, b] = [luminance(arguments[0]), luminance(arguments[1])].sort((x, y) => y - x);
return (a + 0.05) / (b + 0.05);
"""
NAMELESS = """
const bad = [];
for (const n of document.querySelectorAll('input, select')) if (!n.labels.length || !n.labels[0].textContent.trim()) bad.push(n.outerHTML);
for (const n of document.querySelectorAll('button, summary, h1, h2, h3')) if (!n.textContent.trim()) bad.push(n.outerHTML);
for (const n of document.querySelectorAll('[tabindex="0"]')) if (!n.getAttribute('aria-label') && n.tagName !== 'PRE') bad.push(n.outerHTML.slice(0, 200));
for (const n of document.querySelectorAll('table')) if (!n.caption && !n.classList.contains('words')) bad.push('table without caption');
for (const n of document.querySelectorAll('th')) if (!n.scope) bad.push('th without scope');
if (document.documentElement.lang !== 'en' || !document.title) bad.push('page without title or language');
return bad;
"""


def main():
    global calvo, place, chromium
    calvo = str(pathlib.Path(sys.argv.pop(1)).resolve())
    lacks = browser.missing()
    if lacks:
        print(f"skipped: no {lacks}")
        sys.exit(1 if os.environ.get("CALVO_REQUIRE_BROWSER") == "1" else SKIPPED)
    with tempfile.TemporaryDirectory(prefix="calvo-report-") as folder:
        place = pathlib.Path(folder)
        make_pages()
        chromium = browser.Browser()
        try:
            result = unittest.main(exit=False).result
        finally:
            chromium.close()
    sys.exit(not result.wasSuccessful() or result.testsRun == 0)


main()
