// Unpacks the model, builds the page and keeps it in step with what the reader chooses.
'use strict';
(async () => {
  const e = calvo.element;
  const unpack = async () => {
    const packed = document.getElementById('data').textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return JSON.parse(await new Response(stream).text());
  };
  const content = document.getElementById('content');
  let model;
  try {
    model = await unpack();
  } catch (error) {
    document.getElementById('loading').textContent =
      `The data of this page cannot be read (${error.message}): it needs a browser of 2023 or later, or the file is damaged.`;
    return;
  }

  const loads = [...new Set(model.groups.map((group) => group.load))];
  const engines = [...new Set([...model.points, ...model.groups].map((one) => one.engine))];
  engines.forEach((engine) => calvo.theme.engine(engine));  // fixes the order of colours
  // Of the loads of a sweep without requests those that most lines have: a search for the goodput
  // tries others for one line only.
  const lines = new Map();
  for (const {x} of model.points) if (x !== null) lines.set(x, (lines.get(x) || 0) + 1);
  const most = Math.max(...lines.values());
  const xs = [...lines.keys()].filter((x) => lines.get(x) === most).sort((a, b) => a - b);
  const detailed = model.runs.map((run, i) => i).filter((i) => model.runs[i].requests);
  const state = {
    hidden: new Set(),
    load: loads.length > 1 ? loads[Math.floor((loads.length - 1) / 2)] : null,
    pointLoads: xs,
    pointLoad: !model.groups.length && xs.length ? xs[Math.floor(xs.length / 2)] : null,
    run: detailed.length ? detailed.at(-1) : 0,
  };
  calvo.model = model;
  calvo.state = state;
  calvo.noEngineShown = (id) => !ofRun.has(id) && engines.every((engine) => state.hidden.has(engine));

  const names = model.sweeps.length ? 'sweep' : model.runs.some((run) => run.real) ? 'runs' : 'simulated runs';
  document.title = `${model.title} – calvo report`;
  document.querySelector('h1').textContent = `${model.title}: calvo report`;
  document.getElementById('subtitle').textContent =
    `LLM serving with a remote KV cache: ${engines.length} engine${engines.length === 1 ? '' : 's'}, ` +
    (model.sweeps.length ? `${model.points.length} cells of a ${names}, ${model.points.reduce((n, p) => n + p.runs, 0)} simulations`
      : `${model.runs.length} ${model.runs.length === 1 ? names.replace(/s$/, '') : names}`) + `. Made by ${model.made_by}.`;
  document.getElementById('footer').textContent =
    `Made by ${model.made_by}. Plots: Apache ECharts (Apache-2.0). This file is complete in itself and uses no network.`;

  const figures = {
    load: calvo.plots.load(model, state), distribution: model.groups.length ? calvo.plots.distribution(model, state) : [],
    stages: calvo.plots.stages(model, state), validation: calvo.plots.validation(model, state),
    resources: calvo.plots.resources(model, state), timeline: calvo.plots.timeline(model, state),
  };
  const all = [...calvo.figures.values()];
  const mounted = [];
  const renderAll = (list) => list.forEach((figure) => figure.render());
  const ofRun = new Set(['queues', 'work', 'memory', 'timeline']);

  // ---- toolbar
  const toolbar = document.getElementById('toolbar');
  const colorSwatches = () => toolbar.querySelectorAll('.swatch').forEach((node) => {
    node.style.background = calvo.theme.engine(node.dataset.engine);
  });
  if (engines.length > 1) {
    toolbar.append(e('fieldset', {}, e('legend', {}, 'Engines'), ...engines.map((engine) => e('label', {},
      e('input', {type: 'checkbox', checked: '', name: 'engine', value: engine, onchange: (event) => {
        if (event.target.checked) state.hidden.delete(engine); else state.hidden.add(engine);
        renderAll(mounted.filter((figure) => !ofRun.has(figure.id)));
      }}), e('span', {class: 'swatch', 'data-engine': engine}), engine))));
  }
  const short = (load) => { for (const engine of engines) if (load.startsWith(`${engine}, `)) return load.slice(engine.length + 2); return load; };
  if (loads.length > 1) {
    toolbar.append(calvo.select('Load', loads.map((load) => [load, short(load)]), state.load, (value) => {
      state.load = value;
      renderAll(mounted.filter((figure) => !ofRun.has(figure.id)));
    }));
  }
  const themed = () => { colorSwatches(); renderAll(mounted); };
  toolbar.append(calvo.select('Colours', [['auto', 'as the system'], ['light', 'light'], ['dark', 'dark']], 'auto',
    (value) => { calvo.theme.choose(value); themed(); }));
  calvo.theme.onSystemChange(() => { calvo.theme.apply(); themed(); });
  colorSwatches();

  // What the keyboard comes to is not hidden below the bar.
  new ResizeObserver(() => {
    const sticks = getComputedStyle(toolbar).position === 'sticky';
    document.documentElement.style.scrollPaddingTop = `${sticks ? toolbar.offsetHeight + 8 : 8}px`;
  }).observe(toolbar);

  // ---- sections
  const section = (title, words, ...children) => {
    const id = title.toLowerCase().replace(/[^a-z]+/g, '-');
    const node = e('section', {'aria-labelledby': id}, e('h2', {id}, title), words ? e('p', {class: 'quiet'}, words) : null,
      ...children.flat().filter(Boolean));
    content.append(node);
    return node;
  };
  const runPicker = () => (detailed.length > 1 ? e('div', {class: 'controls'}, calvo.select('Run',
    detailed.map((i) => [String(i), model.runs[i].label]), String(state.run), (value) => {
      state.run = Number(value);
      document.querySelectorAll('select[data-run]').forEach((box) => { box.value = value; });
      const changed = mounted.filter((figure) => ofRun.has(figure.id));
      changed.forEach((figure) => figure.runChanged && figure.runChanged());
      renderAll(changed);
    })) : null);
  const withRun = (node) => { if (node) node.querySelector('select').dataset.run = ''; return node; };

  const plan = [];
  content.replaceChildren();
  section('Results', 'TTFT: time to first token. Attainment: share of requests that met their objectives (first token before the ' +
    'deadline, and the time per token where one is set). P50, P99: half of the requests, all but one in a hundred, were as fast or faster.',
  calvo.tables.summary(model), calvo.tables.warnings(model));
  const place = (title, words, list, before) => {
    if (!list.length) return;
    const node = section(title, words, before);
    list.forEach((figure) => plan.push({figure, node}));
  };
  place('Does it meet the objectives?', null, figures.load);
  place('Prediction and measurement', null, figures.validation);
  place('How long do requests wait?', null, [...figures.distribution, ...figures.stages]);
  const split = figures.resources.findIndex((figure) => ofRun.has(figure.id));
  const whole = split < 0 ? figures.resources : figures.resources.slice(0, split);
  const overTime = split < 0 ? [] : figures.resources.slice(split);
  place('What is it that they wait for?', null, whole);
  place('One run over time', null, overTime, withRun(runPicker()));
  place('Request by request', null, figures.timeline, withRun(runPicker()));
  const scenario = calvo.tables.scenario(model);
  if (scenario.length) section('The scenario', null, scenario);
  const environment = calvo.tables.environment(model);
  if (environment.length) section('How this was made', null, environment);

  // ---- print: light colours, the width of a page
  const forPrint = (on) => {
    calvo.theme.print(on);
    document.documentElement.classList.toggle('printing', on);
    for (const figure of mounted) {
      if (!figure.chart) continue;
      figure.chartNode.style.width = on ? '660px' : '';
      figure.render();
      figure.chart.getZr().flush();
    }
  };
  window.addEventListener('beforeprint', () => forPrint(true));
  window.addEventListener('afterprint', () => forPrint(false));
  let resizing;
  window.addEventListener('resize', () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => mounted.forEach((figure) => figure.resize()), 100);
  });

  // One plot after the other, so that the page answers from the start.
  for (const {figure, node} of plan) {
    figure.mount(node);
    figure.render();
    mounted.push(figure);
    await new Promise((done) => setTimeout(done, 0));
  }
  document.documentElement.dataset.ready = String(all.length);
})();
