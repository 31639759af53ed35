// What is told in words and tables: the summary, warnings, scenarios, how the runs were made.
'use strict';
calvo.tables = {};

calvo.tables.summary = (model) => {
  const {format} = calvo;
  const metric = (point, name, show) => {
    const found = point.metrics[name];
    if (!found) return null;
    if (!found.ci95) return show(found.mean);
    const texts = [found.mean, ...found.ci95].map(show);
    const units = new Set(texts.filter((text) => !text.startsWith('0\u00a0')).map((text) => text.split('\u00a0')[1]));
    const [low, high] = units.size <= 1 ? texts.slice(1).map((text) => text.split('\u00a0')[0]) : texts.slice(1);
    return calvo.element('span', {}, `${texts[0]} `, calvo.element('span', {class: 'interval'}, `[${low}, ${high}]`));
  };
  const seconds = (ms) => format.seconds(ms / 1e3);
  const loads = new Set(model.points.map((point) => point.load)).size > 1;
  const bottleneck = (i) => {
    const group = model.groups[i];
    return group ? model.runs[group.runs[0]].summary.bottleneck : null;
  };
  const fromRuns = !model.sweeps.length;
  const rows = model.points.map((point, i) => [
    // The load of a cell of a sweep says all that its variant does.
    point.engine + (point.variant && fromRuns ? `, ${point.variant}` : '') + (point.real ? ' (real)' : ''),
    ...(loads ? [point.load.startsWith(`${point.engine}, `) ? point.load.slice(point.engine.length + 2) : point.load] : []),
    point.runs,
    metric(point, 'slo_attainment', (v) => format.percent(v)),
    metric(point, 'mean_ttft_ms', seconds), metric(point, 'median_ttft_ms', seconds), metric(point, 'p99_ttft_ms', seconds),
    metric(point, 'request_goodput', (v) => format.digits(v)),
    ...(fromRuns ? [bottleneck(i)] : []),
  ]);
  const columns = ['engine', ...(loads ? ['load'] : []), 'runs', 'attainment', 'TTFT, mean', 'TTFT, P50', 'TTFT, P99',
                   'requests in time per second', ...(fromRuns ? ['bottleneck'] : [])];
  const caption = 'In brackets: 95 % confidence intervals, where there are some.';
  return calvo.scroller('Summary', calvo.table({caption, columns, rows}), `summary${loads ? ' by-load' : ''}`);
};

calvo.tables.warnings = (model) => {
  const e = calvo.element;
  // One line for all that say the same but for their numbers: that of the highest first number.
  const numbers = /(?<![A-Za-z_\d.])\d+(?:\.\d+)?/g;
  const first = (text) => Number((text.match(numbers) || [0])[0]);
  const kinds = new Map();
  for (const run of model.runs) {
    for (const text of [...run.summary.warnings, ...(run.summary.complete ? [] : ['interrupted: the run is not complete'])]) {
      const key = text.replace(numbers, '#');
      if (!kinds.has(key)) kinds.set(key, {text, differ: false, runs: []});
      const kind = kinds.get(key);
      kind.differ = kind.differ || text !== kind.text;
      if (first(text) > first(kind.text)) kind.text = text;
      kind.runs.push(run);
    }
  }
  const whose = (runs) => (runs.length > 3 && runs.length === model.runs.length ? `All ${runs.length} runs`
    : runs.length <= 3 ? runs.map((run) => run.label).join('; ')
    : `${[...new Set(runs.map((run) => run.engine))].join(', ')} (${runs.length} of ${model.runs.length} runs)`);
  const failed = model.sweeps.flatMap(({sweep}) => (sweep.failed || []).map((one) => `${one.name}: ${one.error}`));
  const incomplete = model.sweeps.filter(({sweep}) => sweep.complete === false)
    .map(({directory}) => `The sweep in ${directory} is not complete: calvo sweep --resume goes on with it.`);
  const items = [
    ...[...kinds.values()].map(({text, differ, runs}) => e('li', {}, e('strong', {}, `${whose(runs)}: `), text +
      (differ ? ' (the highest of them)' : ''))),
    ...incomplete.map((text) => e('li', {}, text)),
    ...failed.slice(0, 20).map((text) => e('li', {}, e('strong', {}, 'failed: '), text)),
    ...model.notes.map((text) => e('li', {}, text)),
  ];
  return items.length ? e('div', {class: 'warning'}, e('h3', {}, 'These numbers need care'), e('ul', {}, ...items)) : null;
};

calvo.tables.scenario = (model) => {
  const e = calvo.element;
  const parts = [];
  for (const {directory, sweep} of model.sweeps) {
    parts.push(e('h3', {}, `Sweep ${sweep.name || directory}`), e('p', {}, sweep.description || ''),
      calvo.table({words: true, columns: ['what', 'value'], rows: [
        ['scenario', sweep.scenario], ['engines', (sweep.engines || []).join(', ')],
        ['seeds of every cell', (sweep.seeds || []).join(', ')],
        ...(sweep.axes || []).map((axis) => [axis.key, axis.values.map((v) => v.text).join(', ')]),
        ['points', sweep.points ? `${sweep.points.done} of ${sweep.points.planned} done, ${sweep.points.failed} failed` : null]]}));
  }
  const axes = new Set(model.sweeps.flatMap(({sweep}) => (sweep.axes || []).map((axis) => axis.key)));
  if (model.runs.length > 1 && model.differences.some(({key}) => !axes.has(key))) {
    // Runs of one setting with other seeds agree: one column for each kind of run.
    const kinds = new Map();
    model.runs.forEach((run, i) => {
      const key = JSON.stringify(model.differences.map(({values}) => values[i]));
      if (!kinds.has(key)) kinds.set(key, {label: run.label.replace(/, seed \d+/, ''), index: i});
    });
    const shown = [...kinds.values()].slice(0, 24);
    parts.push(e('h3', {}, 'What the runs do not have in common'),
      calvo.scroller('Settings that differ',
        calvo.table({words: true, columns: ['setting', ...shown.map(({label}) => label)],
          rows: model.differences.map(({key, values}) => [key, ...shown.map(({index}) => values[index])]),
          caption: kinds.size > shown.length ? `The first ${shown.length} of ${kinds.size} settings.` : 'Seeds apart.'})));
  }
  const texts = new Map();
  for (const run of model.runs) {
    const key = run.scenario.replace(/^seed: .*$/m, '');
    if (run.scenario && !texts.has(key)) texts.set(key, run);
  }
  if (texts.size) parts.push(e('h3', {}, 'The scenarios, with all defaults'));
  for (const run of [...texts.values()].slice(0, 40)) {
    parts.push(e('details', {}, e('summary', {}, run.label), e('pre', {tabindex: 0}, run.scenario)));
  }
  return parts;
};

calvo.tables.environment = (model) => {
  const {element: e, format} = calvo;
  const runs = model.runs.filter((run) => run.environment);
  if (!runs.length) return [];
  const keys = ['driver', 'fabric', 'device', 'version', 'git_commit', 'compiler', 'build_type', 'simgrid_version',
                'host', 'cpu', 'date', 'command'];
  const used = keys.filter((key) => runs.some((run) => run.environment[key]));
  if (runs.length <= 3) {
    return [calvo.table({words: true, columns: ['what', ...runs.map((run) => run.label)], rows: [
      ['directory', ...runs.map((run) => run.directory)],
      ...used.map((key) => [key, ...runs.map((run) => run.environment[key] || null)]),
      ['wall time', ...runs.map((run) => format.seconds(run.environment.wall_s))]]})];
  }
  return [calvo.scroller('How the runs were made', calvo.table({words: true, columns: ['run', 'directory', ...used, 'wall time'],
      rows: runs.slice(0, 60).map((run) => [run.label, run.directory, ...used.map((key) => (key === 'command' && run.environment[key]
        ? calvo.element('span', {class: 'long'}, run.environment[key]) : run.environment[key] || null)),
        format.seconds(run.environment.wall_s)]),
      caption: runs.length > 60 ? `The first 60 of ${runs.length} runs.` : 'Program, machine and date of each run.'}))];
};
