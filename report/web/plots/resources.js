// Resources, queues and memory: over the whole run and over time.
'use strict';
calvo.plots.resources = (model, state) => {
  const {format} = calvo;
  const runsOfLoad = () => calvo.shownGroups(model, state)
    .map((group) => ({name: calvo.groupName(group), engine: group.engine, real: group.real,
                      run: model.runs[group.runs[0]]}));
  const busiest = 10;
  const utilization = () => {
    const runs = runsOfLoad();
    const most = new Map();
    for (const {run} of runs) {
      for (const [name, share] of Object.entries(run.summary.utilization)) {
        most.set(name, Math.max(most.get(name) ?? 0, share));
      }
    }
    const names = [...most.keys()].sort((a, b) => most.get(b) - most.get(a));
    return {runs, names, drawn: names.slice(0, busiest).filter((name, i) => i < 1 || most.get(name) >= 0.005)};
  };
  const figures = [];
  if (model.runs.length) {
    figures.push(new calvo.Figure({
      id: 'utilization', title: 'How busy each resource was',
      words: () => calvo.atLoad(model, state) + 'Mean use over the whole run. Nearest to its limit (the bottleneck): ' +
        runsOfLoad().map(({name, run}) => `${name} ${run.summary.bottleneck || 'none'} (${format.percent(run.summary.bottleneck_utilization, 0)})`).join(', ') + '.',
      reading: () => `The nearer to 100 %, the longer requests wait for a resource. Links (NICs, PCIe lanes): bytes carried over what they could carry${model.runs.some((one) => one.real) ? '; of real runs, paler: share of the time in which they had work' : ''}. GPUs: share of the time in which they compute; one that only generates tokens counts as busy and can still take on prompts, so that the bottleneck is judged by the time in prompts. Names: rx receives, tx sends, h2d copies to the GPU, d2h from it. The busiest are drawn, up to ${busiest} and above 0.5 %; the table has all.`,
      option: () => {
        const {runs, drawn} = utilization();
        if (!runs.length) return null;
        const shown = drawn.toReversed();
        return {
          grid: {left: 16, right: 40, top: 40, bottom: 50, containLabel: true},
          xAxis: calvo.axis('utilisation (%)', {type: 'value', min: 0, max: 100}),
          yAxis: {type: 'category', data: shown, axisLabel: {color: calvo.theme.colors().text},
                  axisLine: {lineStyle: {color: calvo.theme.colors().quiet}}},
          tooltip: {...calvo.baseOption().tooltip, trigger: 'axis', axisPointer: {type: 'shadow'},
                    valueFormatter: (v) => (v === null || v === undefined ? '–' : v.toFixed(1) + ' %')},
          series: runs.map(({name, engine, real, run}) => ({
            type: 'bar', name, color: calvo.theme.engine(engine), barMaxWidth: 14, itemStyle: real ? {opacity: 0.6} : {},
            data: shown.map((resource) => (run.summary.utilization[resource] === undefined ? null
              : 100 * run.summary.utilization[resource]))})),
        };
      },
      data: () => {
        const {runs, names} = utilization();
        return {columns: ['resource', ...runs.map(({name}) => name)],
          rows: names.map((resource) => [resource, ...runs.map(({run}) => run.summary.utilization[resource] ?? null)])};
      },
      tableData: () => {
        const {runs, names} = utilization();
        return {columns: ['resource', ...runs.map(({name}) => name)],
          rows: names.map((resource) => [resource, ...runs.map(({run}) => format.percent(run.summary.utilization[resource]))])};
      },
      height: () => { const {runs, drawn} = utilization();
        return 110 + drawn.length * (14 + 12 * Math.max(1, runs.length)); },
      zooms: '', nothing: 'No run of the engines that are shown.',
    }));
  }
  if (!model.runs.some((run) => run.time)) return figures;

  // ---- over time, of one run
  const run = () => model.runs[state.run];
  const timeAxis = () => calvo.axis('time since the start of the run (s)', {type: 'value', scale: true,
    min: 'dataMin', max: 'dataMax', axisLabel: {formatter: format.plain, showMinLabel: false, showMaxLabel: false}});
  const zooms = () => [calvo.insideZoom('x'), calvo.sliderZoom()];
  const grid = {left: 74, right: 28, top: 44, bottom: 80};
  const at = (i) => run().time.begin_s + (i + 0.5) * run().time.bin_s;
  const perBin = () => `Each value is the mean over ${format.seconds(run().time.bin_s)}.`;
  const lineTip = (unit) => ({...calvo.baseOption().tooltip, trigger: 'axis',
    valueFormatter: (v) => (v === null ? '–' : format.number(v) + unit)});
  const waiting = ['lookup', 'queue', 'network_load', 'pcie_load', 'queue_loaded', 'prefill'];

  let withDecode = false;
  const stagesShown = () => Object.entries(run().time.stages).filter(([stage]) => withDecode || stage !== 'decode');
  const queues = new calvo.Figure({
    id: 'queues', title: 'Requests in each stage over time',
    words: () => {
      const stages = run().time.stages;
      const sums = stages.queue.map((_, i) => waiting.reduce((sum, stage) => sum + stages[stage][i], 0));
      const worst = sums.indexOf(Math.max(...sums));
      return `${run().label}: how many requests are in each stage at a time, from arrival to first token` +
        `${withDecode ? ' and on to the last one' : ''}. Most wait at ${format.seconds(at(worst))}: ${sums[worst].toFixed(1)}. ${perBin()}`;
    },
    reading: 'Lower is better. A layer that keeps growing is a stage that does not keep up.',
    controls: [calvo.element('label', {}, calvo.element('input', {type: 'checkbox', onchange: (event) => {
      withDecode = event.target.checked; queues.render(); }}), 'generation (decode) too')],
    option: () => {
      if (!run().time) return null;
      const names = calvo.stageNames;
      return {
        grid, xAxis: timeAxis(), yAxis: calvo.axis('requests', {type: 'value', nameGap: 44}),
        tooltip: lineTip(' requests'), dataZoom: zooms(),
        legend: {...calvo.baseOption().legend, icon: 'roundRect'},
        series: stagesShown().map(([stage, values]) => ({
          type: 'line', name: names[stage], stack: 'all', symbol: 'none', color: calvo.theme.stage(stage),
          lineStyle: {width: 0.6}, areaStyle: {opacity: 0.75}, data: values.map((v, i) => [at(i), v])})),
      };
    },
    nothing: () => `${run().label}: no requests were kept of this run.`,
    data: () => ({columns: ['time_s', ...Object.keys(run().time.stages)],
      rows: run().time.stages.queue.map((_, i) => [at(i).toFixed(6), ...Object.values(run().time.stages).map((v) => v[i])])}),
    renderer: 'canvas', height: 400,
  });
  figures.push(queues);

  // Work of each kind of resource: of one machine or instance, or the mean over all of them.
  const kinds = [
    [/^instance\d+\.gpu$/, 'GPU', 'prefill'],
    [/^(serving|instance)\d+\.nic\d+\.rx$/, 'serving NIC in', 'network_load'],
    [/^(serving|instance)\d+\.nic\d+\.tx$/, 'serving NIC out', 'lookup'],
    [/^storage\d+\.nic\d+\.tx$/, 'storage NIC out', 'queue'],
    [/^storage\d+\.nic\d+\.rx$/, 'storage NIC in', 'queue_loaded'],
    [/\.pcie\.h2d$/, 'PCIe to GPU', 'pcie_load'],
    [/\.pcie\.d2h$/, 'PCIe from GPU', 'decode']];
  let machine = 'mean';
  const machines = () => [...new Set(Object.keys(run().time.work).map((track) => track.split('.')[0]))]
    .sort((a, b) => a.localeCompare(b, undefined, {numeric: true}));
  const picker = calvo.element('span');
  const work = () => {
    const lines = [];
    for (const [pattern, name, stage] of kinds) {
      const belongs = (track) => pattern.test(track) &&
        (machine === 'mean' || track.startsWith(machine + '.'));
      const tracks = Object.keys(run().time.work).filter(belongs);
      if (!tracks.length) continue;
      // Those that never worked have no track.
      const count = Math.max(tracks.length, Object.keys(run().summary.utilization).filter(belongs).length);
      const sum = new Array(run().time.stages.queue.length).fill(0);
      for (const track of tracks) {
        for (const values of Object.values(run().time.work[track])) values.forEach((v, i) => { sum[i] += v; });
      }
      lines.push({name, stage, count,
        values: sum.map((v) => Math.min(100, 100 * v / count))});
    }
    return lines;
  };
  const workFigure = new calvo.Figure({
    id: 'work', title: 'Resources over time',
    words: () => `${run().label}: share of the time in which each kind of resource` +
      (machine === 'mean' ? '' : ` of ${machine}`) + ' was at work. Means: ' +
      work().map(({name, count, values}) => `${name}${count > 1 ? ` (${count} of them)` : ''} ${format.percent(values.reduce((a, b) => a + b, 0) / values.length / 100)}`).join(', ') + `. ${perBin()}`,
    reading: 'A link is at work while it has at least one transfer: at 100 % it never rests, though it may be shared or slowed elsewhere. Gaps in every line at once mean that there is nothing to do but wait for requests.',
    controls: [picker],
    option: () => {
      if (!run().time || !work().length) return null;
      picker.replaceChildren(machines().length > 1 ? calvo.select('Of',
        [['mean', 'all (means)'], ...machines().map((one) => [one, one])], machine,
        (v) => { machine = v; workFigure.render(); }) : '');
      return {
        grid, xAxis: timeAxis(), tooltip: lineTip(' %'), dataZoom: zooms(),
        yAxis: calvo.axis('time at work (%)', {type: 'value', min: 0, max: 100, nameGap: 44}),
        series: work().map(({name, stage, values}) => ({type: 'line', name, symbol: 'none',
          color: calvo.theme.stage(stage), lineStyle: {width: 1.4}, sampling: 'average',
          data: values.map((v, i) => [at(i), v])})),
      };
    },
    nothing: () => `${run().label}: this run wrote no timeline.json, so that it is not known when its resources were at work. A sweep keeps it with “keep: [timeline]”.`,
    data: () => ({columns: ['time_s', ...work().map(({name}) => `${name} (%)`)],
      rows: run().time.stages.queue.map((_, i) => [at(i).toFixed(6), ...work().map(({values}) => format.number(values[i]))])}),
    renderer: 'canvas', height: 380,
  });
  figures.push(workFigure);

  const tierNames = (name) => name.replace('gpu_memory', 'GPU memory').replace('host_memory', 'host memory')
    .replace('.', ' ');
  /** Colour by the kind of memory, as resources over time have it; line by the machine. */
  const tierStyle = (name) => {
    const stage = name.includes('gpu') ? 'prefill' : name.includes('host') ? 'network_load' : 'queue';
    const machine = Number((name.match(/\d+/) || ['0'])[0]);
    return {color: calvo.theme.stage(stage), type: ['solid', 'dashed', 'dotted'][machine % 3]};
  };
  figures.push(new calvo.Figure({
    id: 'memory', title: 'How full each KV tier was',
    words: () => `${run().label}: share of each memory's KV blocks that hold or await data, over time. Means: ` +
      Object.entries(run().occupancy.tiers).map(([name, values]) =>
        `${tierNames(name)} ${format.percent(values.reduce((a, b) => a + b, 0) / values.length, 0)}`).join(', ') +
      `. Each value is the mean over ${format.seconds(run().occupancy.interval_s)}.`,
    reading: 'A full tier is normal for a cache: it evicts to make room. A GPU tier that is full while requests queue may be what they wait for.',
    option: () => {
      if (!run().occupancy) return null;
      const {interval_s: step, tiers} = run().occupancy;
      return {
        grid, xAxis: timeAxis(), tooltip: lineTip(' %'), dataZoom: zooms(),
        yAxis: calvo.axis('occupied (%)', {type: 'value', min: 0, max: 100, nameGap: 44}),
        series: Object.entries(tiers).map(([name, values]) => ({type: 'line', name: tierNames(name),
          symbol: 'none', color: tierStyle(name).color, lineStyle: {width: 1.6, type: tierStyle(name).type},
          data: values.map((v, k) => [(k + 0.5) * step, 100 * v])})),
      };
    },
    nothing: () => {
      const mean = Object.entries(run().summary.occupancy || {});
      return `${run().label}: this run recorded no occupancy over time.` + (mean.length
        ? ' Means (peaks): ' + mean.map(([name, o]) => `${tierNames(name)} ${format.percent(o.mean, 0)} (${format.percent(o.peak, 0)})`).join(', ') + '.' : '');
    },
    data: () => {
      const {interval_s: step, tiers} = run().occupancy;
      const names = Object.keys(tiers);
      return {columns: ['from_s', 'to_s', ...names],
        rows: tiers[names[0]].map((_, k) => [(k * step).toFixed(6), ((k + 1) * step).toFixed(6), ...names.map((name) => tiers[name][k])])};
    },
    renderer: 'canvas', height: 340,
  }));
  return figures;
};
