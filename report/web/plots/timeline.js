// Every request on a time line, cut into its stages.
'use strict';

/**
 * Puts each span in the first lane that is free at its start.
 * @param spans [begin, end] ascending by begin
 * @return lane of each span, and how many lanes there are
 */
calvo.lanes = (spans) => {
  // A heap of free lanes would be asymptotically better; there are some hundred lanes at most.
  const freeAt = [];
  const lane = spans.map(([begin, end]) => {
    let i = freeAt.findIndex((free) => free <= begin);
    if (i < 0) i = freeAt.push(0) - 1;
    freeAt[i] = end;
    return i;
  });
  return {lane, count: freeAt.length};
};

calvo.plots.timeline = (model, state) => {
  const {format} = calvo;
  if (!model.runs.some((run) => run.requests)) return [];
  const mostDrawn = 1500;  // requests at a time: more than that a screen cannot show apart
  const run = () => model.runs[state.run];
  const stageNames = calvo.stageNames;
  let filter = 'all';
  let withDecode = false;
  let wanted = null;  // a request to be pointed out
  let range = null;   // [begin, end] that is shown, in seconds
  let drawn = {items: [], matching: 0, stride: 1};
  let cache = null;

  const filters = {all: () => true, missed: (r, i) => r.met[i] === 0, met: (r, i) => r.met[i] === 1};

  /** Spans, lanes and extent of the requests that pass the filter. */
  const layout = () => {
    const key = `${state.run} ${filter} ${withDecode}`;
    if (cache && cache.key === key) return cache;
    const r = run().requests;
    const indices = [];
    const spans = [];
    for (let i = 0; i < r.id.length; i += 1) {
      if (r.ttft[i] === null || !filters[filter](r, i)) continue;
      indices.push(i);
      const length = withDecode && r.e2e[i] !== null ? r.e2e[i] : r.ttft[i];
      spans.push([r.arrival[i] / 1e6, (r.arrival[i] + length) / 1e6]);
    }
    const {lane, count} = calvo.lanes(spans);
    const begin = spans.length ? spans[0][0] : 0;
    const end = spans.reduce((most, span) => Math.max(most, span[1]), begin + 1e-6);
    cache = {key, indices, spans, lane, count, begin, end};
    return cache;
  };

  /** Around the slowest request, with some eighty others. */
  const firstRange = () => {
    const {indices, spans, begin, end} = layout();
    if (!indices.length) return [0, 1];
    const slowest = spans.reduce((best, span, i) =>
      (span[1] - span[0] > spans[best][1] - spans[best][0] ? i : best), 0);
    const from = spans[Math.max(0, slowest - 40)][0];
    const to = Math.max(spans[Math.min(spans.length - 1, slowest + 40)][0], spans[slowest][1]);
    const margin = (to - from) * 0.05 || 0.5;
    return [Math.max(begin, from - margin), Math.min(end, to + margin)];
  };

  const select = () => {
    const {indices, spans, lane} = layout();
    const [from, to] = range;
    const matching = [];
    for (let k = 0; k < spans.length && spans[k][0] <= to; k += 1) {
      if (spans[k][1] >= from) matching.push(k);
    }
    const stride = Math.max(1, Math.ceil(matching.length / mostDrawn));
    drawn = {
      matching: matching.length, stride,
      items: matching.filter((k, n) => n % stride === 0 || run().requests.id[indices[k]] === wanted)
        .map((k) => ({index: indices[k], lane: lane[k]})),
    };
  };

  const parts = (index) => {
    const r = run().requests;
    const out = [];
    let at = r.arrival[index];
    for (const stage of Object.keys(r.stages)) {
      const length = r.stages[stage][index];
      if (length > 0 && (withDecode || stage !== 'decode')) out.push({stage, begin: at / 1e6, end: (at + length) / 1e6});
      at += length;
    }
    return out;
  };

  const describe = (index) => {
    const r = run().requests;
    const rows = Object.keys(r.stages).map((stage) => [stageNames[stage], r.stages[stage][index]])
      .filter(([, length]) => length > 0).map(([name, length]) => `${name}: ${format.seconds(length / 1e6)}`);
    const deadline = r.deadline[index] === null ? 'no deadline'
      : `deadline ${format.seconds(r.deadline[index] / 1e6)}: ${r.met[index] === 1 ? 'met' : 'missed'}`;
    return [`<b>request ${r.id[index]}</b> (session ${r.session[index]}, turn ${r.turn[index]}, instance ${r.instance[index]})`,
      `${r.input[index]} tokens in, ${r.cached[index]} of them cached, ${r.output[index]} out`,
      `TTFT ${format.seconds(r.ttft[index] / 1e6)}, ${deadline}`, ...rows].join('<br>');
  };

  const renderItem = (params, api) => {
    const item = drawn.items[params.dataIndex];
    if (!item) return undefined;
    const r = run().requests;
    const colors = calvo.theme.colors();
    const height = Math.max(1, Math.min(22, api.size([0, 1])[1] * 0.78));
    const bounds = params.coordSys;
    const children = [];
    let y = 0;
    for (const {stage, begin, end} of parts(item.index)) {
      const [left, top] = api.coord([begin, item.lane]);
      const [right] = api.coord([end, item.lane]);
      y = top;
      const shape = echarts.graphic.clipRectByRect(
        {x: left, y: top - height / 2, width: Math.max(right - left, 0.4), height},
        {x: bounds.x, y: bounds.y, width: bounds.width, height: bounds.height});
      if (shape) children.push({type: 'rect', shape, style: {fill: calvo.theme.stage(stage)}});
    }
    if (!children.length) return undefined;
    const inside = (x) => x >= bounds.x && x <= bounds.x + bounds.width;
    if (height >= 4 && r.deadline[item.index] !== null) {
      const [x] = api.coord([(r.arrival[item.index] + r.deadline[item.index]) / 1e6, item.lane]);
      const [first] = api.coord([(r.arrival[item.index] + r.ttft[item.index]) / 1e6, item.lane]);
      if (inside(x) && x <= first) {  // where a request began to be late
        children.push({type: 'rect', shape: {x: x - 1.5, y: y - height / 2 - 1, width: 3.5, height: height + 2},
                       style: {fill: colors.text, stroke: colors.page, lineWidth: 1}});
      }
    }
    if (r.id[item.index] === wanted) {
      const left = Math.min(...children.map(({shape}) => shape.x));
      const right = Math.max(...children.map(({shape}) => shape.x + shape.width));
      children.push({type: 'rect', z2: 5, style: {fill: 'none', stroke: colors.bad, lineWidth: 3},
        shape: {x: left - 2, y: y - Math.max(height, 8) / 2 - 2, width: right - left + 4, height: Math.max(height, 8) + 4}});
    }
    return {type: 'group', children};
  };

  const lanesShown = () => drawn.items.reduce((most, {lane}) => Math.max(most, lane + 1), 12);
  const usedStages = () => Object.keys(run().requests.stages).filter((stage) => withDecode || stage !== 'decode');
  const deadlineTick = {name: 'deadline passes', icon: 'path://M0 0h4v16h-4z'};
  const series = () => [
    {type: 'custom', name: 'requests', renderItem, clip: true, encode: {x: [0, 1], y: 2}, animation: false,
     data: drawn.items.map(({index, lane}) => [run().requests.arrival[index] / 1e6,
       (run().requests.arrival[index] + (run().requests.e2e[index] ?? run().requests.ttft[index])) / 1e6, lane])},
    // Only for the legend: the tick, and the colours of the stages.
    {type: 'bar', name: deadlineTick.name, color: calvo.theme.colors().text, data: [], xAxisIndex: 0},
    ...usedStages().map((stage) => ({type: 'bar', name: stageNames[stage], color: calvo.theme.stage(stage), data: [], xAxisIndex: 0})),
  ];

  const words = () => {
    const [from, to] = range;
    const shown = drawn.stride === 1 ? `all ${drawn.matching}`
      : `1 in ${drawn.stride} of ${drawn.matching} (zoom in to see each)`;
    const late = drawn.items.filter(({index}) => run().requests.met[index] === 0).length;
    return `${run().label}: each bar is one request, from its arrival to its first token` +
      `${withDecode ? ' and on to its last one' : ''}. Shown from ${from.toFixed(2)} s to ${to.toFixed(2)} s: ${shown} requests` +
      `${drawn.items.length ? `, ${format.percent(late / drawn.items.length, 0)} of them late` : ''}.`;
  };

  let pending = null;
  const follow = () => {
    clearTimeout(pending);
    pending = setTimeout(() => {
      const zoom = figure.zooming('x')[0];
      if (!zoom) return;
      const {begin, end} = layout();
      range = [begin + (end - begin) * zoom.zoom.start / 100, begin + (end - begin) * zoom.zoom.end / 100];
      select();
      figure.chart.setOption({yAxis: {max: lanesShown()}, series: [{name: 'requests', data: series()[0].data}]});
      figure.wordsNode.textContent = words();
      figure.chartNode.dataset.drawn = drawn.items.length;
      figure.chartNode.dataset.matching = drawn.matching;
      if (figure.detailsNode.open) figure.fillTable();
    }, 40);
  };

  const show = (from, to) => {
    const {begin, end} = layout();
    const span = end - begin;
    figure.setZoom('x', 100 * (from - begin) / span, 100 * (to - begin) / span);
  };

  const restart = () => { range = null; figure.render(); };
  const find = (text) => {
    const r = run().requests;
    const id = Number(text);
    const index = text === '' ? -1 : r.id.indexOf(id);
    wanted = index < 0 ? null : id;
    found.textContent = text === '' ? '' : index < 0 ? `There is no request ${text} in this run.`
      : r.ttft[index] === null ? `Request ${text} has no first token.` : '';
    if (index < 0 || r.ttft[index] === null) { figure.render(); return; }
    filter = 'all';
    filterBox.querySelector('select').value = 'all';
    const margin = r.ttft[index] * 1.5 / 1e6 + 0.05;
    range = [r.arrival[index] / 1e6 - margin, (r.arrival[index] + r.ttft[index]) / 1e6 + margin];
    const {begin, end} = layout();
    range = [Math.max(begin, range[0]), Math.min(end, range[1])];
    figure.render();
  };

  const e = calvo.element;
  const filterBox = calvo.select('Show', [['all', 'all requests'], ['missed', 'those that missed their deadline'],
    ['met', 'those in time']], filter, (v) => { filter = v; restart(); });
  const decodeBox = e('label', {}, e('input', {type: 'checkbox', onchange: (event) => {
    withDecode = event.target.checked; restart(); }}), 'generation (decode) too');
  const found = e('span', {role: 'status', class: 'quiet'});
  const findBox = e('label', {}, 'Request', e('input', {type: 'search', inputmode: 'numeric', placeholder: 'number',
    onchange: (event) => find(event.target.value.trim())}));
  const rowOf = (i) => {
    const r = run().requests;
    const s = (v) => (v === null ? null : (v / 1e6).toFixed(6));
    return [r.id[i], r.session[i], r.turn[i], r.instance[i], s(r.arrival[i]), r.input[i], r.cached[i], r.output[i],
            s(r.ttft[i]), s(r.deadline[i]), r.met[i] === null ? null : r.met[i] ? 'yes' : 'no', r.outcome[i],
            ...Object.values(r.stages).map((column) => s(column[i]))];
  };
  const columns = () => ['request', 'session', 'turn', 'instance', 'arrival_s', 'input_tokens', 'cached_tokens',
    'output_tokens', 'ttft_s', 'deadline_s', 'in_time', 'outcome', ...Object.keys(run().requests.stages).map((s) => `${s}_s`)];

  const figure = new calvo.Figure({
    id: 'timeline', title: 'Requests over time, by stage',
    words,
    reading: 'Colours say what a request was doing; a tick across a bar is where its deadline passed. Long queues before a short load mean waiting for others, long loads mean a slow or shared path. Rows only keep bars apart.',
    controls: [filterBox, decodeBox, findBox,
      e('button', {type: 'button', onclick: () => figure.resetZoom()}, 'Whole run'), found],
    option: () => {
      if (!run().requests || !layout().indices.length) return null;
      if (!range) range = firstRange();
      select();
      const {begin, end} = layout();
      const percentOf = (t) => 100 * (t - begin) / (end - begin);
      const zoom = {start: percentOf(range[0]), end: percentOf(range[1])};
      return {
        grid: {left: 30, right: 28, top: 40, bottom: 84},
        legend: {...calvo.baseOption().legend, data: [...usedStages().map((stage) => stageNames[stage]), deadlineTick], selectedMode: false},
        xAxis: calvo.axis('time since the start of the run (s)', {type: 'value', min: begin, max: end,
          axisLine: {show: true, onZero: false, lineStyle: {color: calvo.theme.colors().quiet}},
          axisLabel: {formatter: format.plain, showMinLabel: false, showMaxLabel: false}}),
        yAxis: {type: 'value', min: -1, max: lanesShown(), inverse: true, axisLabel: {show: false},
                splitLine: {show: false}, axisLine: {show: false}, axisTick: {show: false},
                name: 'requests at the same time', nameLocation: 'middle', nameGap: 12,
                nameTextStyle: {color: calvo.theme.colors().text, fontSize: 13}},
        tooltip: {...calvo.baseOption().tooltip, trigger: 'item',
                  formatter: ({dataIndex}) => (drawn.items[dataIndex] ? describe(drawn.items[dataIndex].index) : '')},
        series: series(),
        dataZoom: [calvo.insideZoom('x', zoom), calvo.insideZoom('y', {zoomOnMouseWheel: 'shift', moveOnMouseMove: false}),
                   calvo.sliderZoom(zoom)],
      };
    },
    nothing: () => (!run().requests ? `${run().label}: the requests of this run are not in the page.`
      : `${run().label}: no request of this kind. Choose another one above.`),
    data: () => ({columns: columns(), rows: run().requests.id.map((_, i) => rowOf(i))}),
    tableData: () => ({columns: columns(), rows: drawn.items.map(({index}) => rowOf(index))}),
    afterInit: (chart) => {
      chart.on('datazoom', follow);
      chart.on('finished', () => {
        figure.chartNode.dataset.drawn = drawn.items.length;
        figure.chartNode.dataset.matching = drawn.matching;
      });
    },
    renderer: 'canvas', zooms: 'xy', height: 520,
  });
  figure.runChanged = () => { range = null; wanted = null; found.textContent = ''; cache = null; };
  figure.show = show;
  return [figure];
};
