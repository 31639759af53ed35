// Attainment, TTFT and goodput against the load.
'use strict';
calvo.plots = calvo.plots || {};

/** "At a load of 1.5 /s": where `x` is on the horizontal axis of the plots over the load. */
calvo.atPoint = (model, x) => {
  const value = calvo.format.quantity(x, model.x.unit);
  if (!model.x.is_rate) return `At ${model.x.key} ${value}`;
  return model.x.unit === '/s' ? `At a load of ${value}` : `At ${value} times the trace's own rate`;
};

calvo.plots.load = (model, state) => {
  const {format} = calvo;
  const rateAxis = model.x && model.x.is_rate;
  const xName = !model.x ? '' : rateAxis
    ? (model.x.unit === '/s' ? 'load: arriving requests per second' : 'load: factor on the trace\'s own rate')
    : `${model.x.key}${model.x.unit ? ` (${model.x.unit})` : ''}`;
  const against = rateAxis || !model.x ? ' against load' : ` against ${model.x.key.split('.').filter((part) => !/^\d+$/.test(part)).at(-1)}`;
  const ttftNames = {mean_ttft_ms: 'mean', median_ttft_ms: 'median (P50)', p90_ttft_ms: 'P90',
                     p95_ttft_ms: 'P95', p99_ttft_ms: 'P99'};
  let ttft = 'mean_ttft_ms';
  let ttftScale = 'log';

  /** Points of one engine and setting, by load. */
  const lines = () => {
    const found = new Map();
    for (const point of model.points) {
      if (state.hidden.has(point.engine)) continue;
      const name = point.engine + (point.variant ? `, ${point.variant}` : '') + (point.real ? ' (real)' : '');
      if (!found.has(name)) found.set(name, {name, engine: point.engine, variant: point.variant || '', real: point.real, points: []});
      found.get(name).points.push(point);
    }
    for (const line of found.values()) line.points.sort((a, b) => a.x - b.x);
    const perEngine = new Map();
    for (const line of found.values()) {
      line.nth = perEngine.get(line.engine) || 0;
      perEngine.set(line.engine, line.nth + 1);
    }
    return [...found.values()];
  };
  const isOverLoad = () => model.x && lines().some(
    (line) => new Set(line.points.map((point) => point.x).filter((x) => x !== null)).size > 1);

  const bandWords = () => {
    const counts = [...new Set(model.points.map((point) => point.runs))].sort((a, b) => a - b);
    const runs = counts.length === 1 ? `${counts[0]}` : `${counts[0]} to ${counts.at(-1)}`;
    return counts[0] === 1 && counts.length === 1
      ? `Each is one run; ${isOverLoad() ? 'bands' : 'whiskers'} are the 95 % interval that its own requests give, where they give one.`
      : `Each point is the mean over ${runs} seeds (runs); the ${isOverLoad() ? 'bands' : 'whiskers'} are 95 % intervals of that mean.`;
  };

  /** The same for a saved picture. */
  const pictureNote = () => {
    const counts = [...new Set(model.points.map((point) => point.runs))].sort((a, b) => a - b);
    const points = counts.at(-1) === 1 ? 'One run each'
      : `Means over ${counts.length === 1 ? counts[0] : `${counts[0]} to ${counts.at(-1)}`} runs with different seeds`;
    return points + (isOverLoad() ? '' : '; whiskers: 95 % intervals');
  };

  const value = (point, metric, scale) => {
    const found = point.metrics[metric];
    return found ? {mean: found.mean * scale, n: found.n,
                    low: found.ci95 ? found.ci95[0] * scale : null,
                    high: found.ci95 ? found.ci95[1] * scale : null} : null;
  };

  /** Lines with bands where there is more than one load, else a row with its interval for each. */
  const option = ({metric, scale, name, show, axis, mark, width}) => {
    const all = lines().map((line) => ({...line, points: line.points
      .map((point) => ({point, at: value(point, metric, scale)}))
      .filter(({point, at}) => at && (point.x !== null || !isOverLoad()))}))
      .filter((line) => line.points.length);
    if (!all.length) return null;
    return isOverLoad() ? overLoad(all, {name, show, axis, mark, width}) : rows(all, {name, show, axis, mark});
  };

  const floorOf = (all) => Math.min(...all.flatMap((line) => line.points.map(({at}) => at.mean))) / 3;

  /** One panel for each setting, so that a panel compares engines and nothing else. */
  const mostPanels = 12;
  const panelsOf = (all) => {
    const names = [...new Set(all.map((line) => line.variant))];
    return names.length > 1 && names.length <= mostPanels ? names : [null];
  };
  const panelColumns = (count, width) =>
    Math.min(count === 2 || count === 4 ? 2 : 3, count, Math.max(1, Math.floor(width / 300)));
  const panelHeight = 300;

  /** To a power of ten, or half of one, on the side of `rounding`. */
  const roundTo = (value, rounding) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return rounding === Math.floor ? (value >= 5 * power ? 5 * power : power)
      : value <= power ? power : value <= 5 * power ? 5 * power : 10 * power;
  };

  /** Values by a factor of 16 or more are spread evenly only by their logarithm. */
  const logarithmic = (all) => {
    const found = all.flatMap((line) => line.points.map(({point}) => point.x));
    return !rateAxis && Math.min(...found) > 0 && Math.max(...found) >= 16 * Math.min(...found);
  };

  const overLoad = (all, {name, show, axis, mark, width}) => {
    const panels = panelsOf(all);
    const columns = panelColumns(panels.length, width);
    const many = panels.length > 1;
    const spread = logarithmic(all) ? [...new Set(all.flatMap((line) =>
      line.points.map(({point}) => point.x)))].sort((a, b) => a - b) : null;
    const ends = all.flatMap((line) => line.points.map(({at}) => at.mean));
    const shared = many && axis.type === 'log'
      ? {min: roundTo(Math.min(...ends), Math.floor), max: roundTo(Math.max(...ends), Math.ceil)} : {};
    const series = [];
    for (const line of all) {
      const panel = many ? panels.indexOf(line.variant) : 0;
      const label = many ? line.engine + (line.real ? ' (real)' : '') : line.name;
      const place = {xAxisIndex: panel, yAxisIndex: panel};
      const color = calvo.theme.engine(line.engine);
      const low = (at) => (axis.type === 'log' ? Math.max(at.low, floorOf(all)) : at.low);
      const band = line.points.filter(({at}) => at.low !== null);
      if (band.length > 1) {
        series.push({
          type: 'custom', name: label, silent: true, z: 1, clip: true, color, ...place,
          data: [[band[0].point.x, band[0].at.mean]],
          tooltip: {show: false},
          renderItem: (params, api) => ({
            type: 'polygon',
            shape: {points: [
              ...band.map(({point, at}) => api.coord([point.x, low(at)])),
              ...band.toReversed().map(({point, at}) => api.coord([point.x, at.high]))]},
            style: {fill: color, opacity: 0.18},
          }),
        });
      }
      const marked = series.some((one) => one.markLine && one.xAxisIndex === panel);
      series.push({
        type: 'line', name: label, z: 3, color, symbol: calvo.theme.symbol(line.engine), symbolSize: many ? 7 : 9, ...place,
        lineStyle: {width: 2, type: line.real ? 'dashed' : many ? 'solid' : ['solid', 'dotted', 'dashed'][line.nth % 3]},
        data: line.points.map(({point, at}) => ({value: [point.x, at.mean], at, point})),
        markLine: marked || !mark ? undefined
          : calvo.markLine([{yAxis: mark.value, label: {show: false}}]),
      });
    }
    // What is neither an engine nor an axis is named in the legend too.
    const {quiet, text} = calvo.theme.colors();
    const told = [
      ...(series.some((one) => one.type === 'custom') ? [{name: '95 % interval of the mean', icon: 'rect',
        itemStyle: {color: quiet, opacity: 0.35}}] : []),
      ...(mark ? [{name: mark.text, icon: 'path://M0 5h4v2h-4zM6 5h4v2h-4zM12 5h4v2h-4z', itemStyle: {color: text}}] : [])];
    series.push(...told.map(({name: label, itemStyle}) => ({type: 'scatter', name: label, data: [], itemStyle, xAxisIndex: 0, yAxisIndex: 0})));
    const lastRow = (i) => i + columns >= panels.length;
    const top = (i) => 68 + Math.floor(i / columns) * panelHeight;
    const margin = 66;
    const left = (i) => margin + (i % columns) * (width - margin) / columns;
    const panelWidth = (width - margin) / columns - 46;
    const grid = many
      ? panels.map((_, i) => ({left: left(i), width: panelWidth, top: top(i), height: panelHeight - 78}))
      : {left: 74, right: 28, top: 44, bottom: 56};
    const xLabel = (x) => format.quantity(x, model.x.unit).replace(/\u00a0\/s$/, '');
    return {
      grid,
      title: many ? panels.map((words, i) => ({text: words, top: top(i) - 24,
        left: left(i), padding: 0,
        textStyle: {color: calvo.theme.colors().text, fontSize: 13, fontWeight: 600,
                    width: panelWidth, overflow: 'truncate'}})) : undefined,
      xAxis: panels.map((_, i) => calvo.axis(lastRow(i) ? xName : '', {type: spread ? 'log' : 'value', scale: true, gridIndex: i, ...(spread ? {} : {min: 'dataMin', max: 'dataMax'}),
        ...(spread ? {min: spread[0], max: spread.at(-1), axisTick: {customValues: spread}, splitLine: {show: false}}
          : {boundaryGap: ['4%', '4%']}),
        axisLabel: {formatter: xLabel, ...(spread ? {customValues: spread} : {})}})),
      yAxis: panels.map((_, i) => calvo.axis(i % columns === 0 ? name : '', {nameGap: many ? 44 : 52, gridIndex: i, ...shared, ...axis})),
      series,
      dataZoom: [calvo.insideZoom('x', {xAxisIndex: panels.map((_, i) => i)})],
      legend: {...calvo.baseOption().legend, itemWidth: 14, data: [...new Map(all.map((line) => {
        const label = many ? line.engine + (line.real ? ' (real)' : '') : line.name;
        return [label, {name: label, icon: calvo.theme.symbol(line.engine)}];
      })).values(), ...told.map(({name: label, icon}) => ({name: label, icon}))]},
      tooltip: {...calvo.baseOption().tooltip, trigger: 'item', formatter: ({data, seriesName}) => {
        const {at, point} = data;
        return `<b>${echarts.format.encodeHTML(seriesName)}</b>` +
          (many ? `<br>${echarts.format.encodeHTML(point.variant)}` : '') +
          `<br>${rateAxis || !model.x.key ? 'load' : echarts.format.encodeHTML(model.x.key)} ${format.quantity(point.x, model.x.unit)}` +
          `<br>${show(at.mean)}` + (at.low === null ? '' : ` [${show(at.low)}, ${show(at.high)}]`) +
          `<br>${at.n} run${at.n > 1 ? 's' : ''}`;
      }},
    };
  };

  const rows = (all, {name, show, axis, mark}) => {
    const entries = all.flatMap((line) => line.points.map(({point, at}) => ({line, point, at,
      label: line.points.length > 1 ? `${line.name}, ${point.load}` : line.name}))).toReversed();
    const low = (at) => (axis.type === 'log' ? Math.max(at.low, floorOf(all)) : at.low);
    // Beside either end of an axis of shares a label turns inwards.
    const aside = (mean) => (axis.max !== 100 ? 'center' : mean < 15 ? 'left' : mean > 85 ? 'right' : 'center');
    const bare = (text) => text.replace(/\u00a0%$/, '');
    return {
      legend: {show: false},
      grid: {left: 16, right: 60, top: 14, bottom: 50, containLabel: true},
      xAxis: calvo.axis(name, axis),
      yAxis: {type: 'category', data: entries.map((entry) => entry.label),
              axisLabel: {color: calvo.theme.colors().text, fontSize: 13},
              axisLine: {lineStyle: {color: calvo.theme.colors().quiet}}},
      tooltip: {...calvo.baseOption().tooltip, trigger: 'item', formatter: ({dataIndex}) => {
        const {at, label} = entries[dataIndex];
        return `<b>${echarts.format.encodeHTML(label)}</b><br>${show(at.mean)}` +
          (at.low === null ? '' : ` [${show(at.low)}, ${show(at.high)}]`);
      }},
      series: [
        {type: 'custom', silent: true, z: 4,
          data: entries.map(({at}, i) => [at.mean, i]),
          renderItem: (params, api) => {
            const {at, line} = entries[params.dataIndex];
            if (at.low === null) return undefined;
            const [x1, y] = api.coord([low(at), params.dataIndex]);
            const [x2] = api.coord([at.high, params.dataIndex]);
            const style = {stroke: calvo.theme.colors().text, lineWidth: 1.5, fill: 'none'};
            const bar = (shape) => ({type: 'line', shape, style});
            return {type: 'group', children: [bar({x1, y1: y, x2, y2: y}),
              bar({x1, y1: y - 8, x2: x1, y2: y + 8}), bar({x1: x2, y1: y - 8, x2, y2: y + 8})]};
          }},
        {type: 'scatter', z: 3, symbolSize: 11,
          label: {show: true, position: 'top', formatter: ({dataIndex}) => {
            const {at} = entries[dataIndex];
            return show(at.mean) + (at.low === null ? '' : ` [${bare(show(at.low))}, ${bare(show(at.high))}]`);
          },
                  color: calvo.theme.colors().text, fontSize: 12},
          markLine: mark ? calvo.markLine([{xAxis: mark.value, label: {formatter: mark.text}}]) : undefined,
          data: entries.map(({at, line}, i) => ({value: [at.mean, i], label: {align: aside(at.mean)},
            symbol: calvo.theme.symbol(line.engine), itemStyle: {color: calvo.theme.engine(line.engine)}}))},
      ],
    };
  };
  const height = (width) => {
    if (!isOverLoad()) return 90 + 44 * lines().reduce((n, line) => n + line.points.length, 0);
    const panels = panelsOf(lines()).length;
    return panels === 1 ? 380 : 52 + panelHeight * Math.ceil(panels / panelColumns(panels, width));
  };

  const data = (metrics) => ({
    columns: ['engine', 'setting', 'kind', 'load', xName || 'x', 'runs',
              ...metrics.flatMap((metric) => [metric, `${metric}_low95`, `${metric}_high95`])],
    rows: model.points.filter((point) => !state.hidden.has(point.engine)).map((point) => [
      point.engine, point.variant, point.real ? 'real' : 'simulated', point.load, point.x, point.runs,
      ...metrics.flatMap((metric) => {
        const at = point.metrics[metric];
        return at ? [at.mean, at.ci95 ? at.ci95[0] : null, at.ci95 ? at.ci95[1] : null] : [null, null, null];
      })]),
  });
  const readable = (metrics, show) => () => {
    const whole = data(metrics);
    return {columns: whole.columns, rows: whole.rows.map((row) => row.map((cell, i) =>
      (i >= 6 && cell !== null ? show(cell) : i === 4 && cell !== null ? format.number(cell) : cell)))};
  };

  /** "calvo 73.2 %, vllm_sync 57.2 %" at the highest load that all lines have, by panel. */
  const ranking = (metric, scale, show, best) => {
    const all = lines().filter((line) => line.points.some((point) => value(point, metric, scale)));
    if (!all.length) return '';
    const common = !isOverLoad() ? null
      : Math.min(...all.map((line) => Math.max(...line.points.map((point) => point.x))));
    const panels = isOverLoad() ? panelsOf(all) : [null];
    const told = panels.length > 1 ? 3 : 8;
    const ranked = (chosen, name) => {
      const at = chosen.map((line) => {
        const points = line.points.filter((point) => value(point, metric, scale));
        const point = common === null ? points[0]
          : points.reduce((a, b) => (Math.abs(b.x - common) < Math.abs(a.x - common) ? b : a), points[0]);
        return {name: name(line), value: value(point, metric, scale).mean};
      }).sort((a, b) => (best === 'high' ? b.value - a.value : a.value - b.value));
      return at.slice(0, told).map((one) => `${one.name} ${show(one.value)}`).join(', ') +
        (at.length > told ? ` and ${at.length - told} more` : '');
    };
    const where = common === null ? '' : `${calvo.atPoint(model, common)}: `;
    if (panels.length === 1) return `${where}${ranked(all, (line) => line.name)}.`;
    return where + panels.map((panel) => `${panel}: ${ranked(all.filter((line) => line.variant === panel),
      (line) => line.engine + (line.real ? ' (real)' : ''))}`).join('; ') + '.';
  };

  const objective = model.sweeps.map(({sweep}) => sweep.objective && sweep.objective.attainment).find(Boolean);
  const percent = (v) => format.percent(v / 100);
  const figures = [
    new calvo.Figure({
      id: 'attainment', title: 'SLO attainment' + (isOverLoad() ? against : ' by engine'),
      words: () => `Share of requests that met their latency objectives. ${ranking('slo_attainment', 100, percent, 'high')} ${bandWords()}`,
      reading: () => 'Higher is better: at 100 % every request met its objectives (first token before its deadline).' +
        (objective ? ` The dashed line is the target of ${100 * objective} %` +
          (isOverLoad() && rateAxis ? ': the highest load at which an engine still reaches it is its goodput.' : '.') : ''),
      note: () => pictureNote(),
      option: (width) => option({width, metric: 'slo_attainment', scale: 100, show: percent,
        name: 'attainment: requests in time (%)',
        axis: {type: 'value', min: 0, max: 100},
        mark: objective ? {value: 100 * objective, text: `target: ${100 * objective} %`} : null}),
      nothing: 'No attainment: the requests of these runs have no deadline (slo.ttft of the scenario).',
      data: () => data(['slo_attainment', 'request_goodput']), height,
      tableData: readable(['slo_attainment', 'request_goodput'], (v) => format.digits(v, 4)),
      zooms: isOverLoad() ? 'x' : '',
    }),
  ];
  const redraw = () => figures[1].render();
  figures.push(new calvo.Figure({
    id: 'ttft', title: 'Time to first token (TTFT)' + (isOverLoad() ? against : ' by engine'),
    words: () => `${ttftNames[ttft][0].toUpperCase() + ttftNames[ttft].slice(1)} TTFT: how long a request waits from its arrival to its first token. ${ranking(ttft, 1e-3, format.seconds, 'low')} ${bandWords()}`,
    reading: 'Lower is better.', note: () => pictureNote(),
    controls: [
      calvo.select('Of TTFT show the', Object.entries(ttftNames), ttft, (v) => { ttft = v; redraw(); }),
      calvo.select('Scale', [['log', 'logarithmic'], ['value', 'linear']], ttftScale,
        (v) => { ttftScale = v; redraw(); })],
    option: (width) => option({width, metric: ttft, scale: 1e-3, show: format.seconds,
      name: `${ttftNames[ttft]} TTFT (s${ttftScale === 'log' ? ', log scale' : ''})`,
      axis: {type: ttftScale, ...(ttftScale === 'value' ? {min: 0} : {}),
             axisLabel: {formatter: format.plain}}}),
    nothing: 'No request of these runs has a first token.',
    data: () => data(Object.keys(ttftNames)), height,
    tableData: readable(Object.keys(ttftNames), (v) => format.digits(v, 4)),
    zooms: isOverLoad() ? 'x' : '',
  }));

  return [...figures, ...calvo.plots.goodput(model, state, objective)];
};
