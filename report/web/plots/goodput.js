// The largest load that still meets the objective, as sweeps found it.
'use strict';
calvo.plots.goodput = (model, state, objective) => {
  const {format} = calvo;
  const all = model.sweeps.flatMap(({sweep}) => (sweep.goodput || []).map((one) => ({
    ...one, unit: sweep.rate ? sweep.rate.unit : ''})));
  if (!all.length) return [];
  // Settings that go along with one before them (the count of a workload) tell nothing apart.
  const keys = [];
  for (const key of new Set(all.flatMap((one) => Object.keys(one.settings || {})))) {
    const of = (one, name) => (one.settings || {})[name];
    const settles = (other) => {
      const found = new Map();
      return all.every((one) => {
        if (!found.has(of(one, other))) found.set(of(one, other), of(one, key));
        return found.get(of(one, other)) === of(one, key);
      });
    };
    if (!keys.some(settles)) keys.push(key);
  }
  const setting = (one) => keys.filter((key) => (one.settings || {})[key] !== undefined)
    .map((key) => `${key === 'name' ? '' : `${key.split('.').at(-1)} `}${one.settings[key]}`).join(', ');
  const settings = [...new Set(all.map(setting))];
  const label = (one) => one.engine + (setting(one) ? `, ${setting(one)}` : '');
  /** Engines of one setting beside each other. */
  const sorted = () => settings.flatMap((text) =>
    all.filter((one) => setting(one) === text && !state.hidden.has(one.engine)));
  const shown = () => sorted().toReversed();
  const outcome = (one) => ({
    found: format.quantity(one.rate === null ? null : Number(one.rate.toPrecision(3)), one.unit),
    always: `at least ${format.quantity((one.tried || [])[1], one.unit)}: met at every rate tried`,
    never: `below ${format.quantity((one.tried || [])[0], one.unit)}: met at no rate tried`,
    unknown: 'unknown: points failed or are missing'}[one.outcome]);
  return [new calvo.Figure({
    id: 'goodput', title: 'Goodput: the largest load that meets the objective',
    words: () => `Goodput is the largest rate at which attainment is at least ${100 * (objective || 0.9)} %. ` +
      settings.map((text) => {
        const here = sorted().filter((one) => setting(one) === text);
        return here.length ? `${text ? `${text}: ` : ''}${here.map((one) => `${one.engine} ${outcome(one)}`).join(', ')}` : '';
      }).filter(Boolean).join('; ') + '.',
    reading: 'Further right is better. Whiskers are 95 % intervals; there are none where no rate that was tried bounds them.',
    option: () => {
      const rows = shown();
      if (!rows.length) return null;
      const place = (one) => ({found: one.rate, always: (one.tried || [])[1], never: (one.tried || [])[0]}[one.outcome] ?? 0);
      return {
        legend: {show: false},
        grid: {left: 16, right: 90, top: 14, bottom: 50, containLabel: true},
        xAxis: calvo.axis(all[0].unit === '/s' ? 'goodput: requests per second' : 'goodput: factor on the trace\'s rate',
          {type: 'value', min: 0}),
        yAxis: {type: 'category', data: rows.map(label), axisLabel: {color: calvo.theme.colors().text}},
        series: [
          {type: 'bar', barMaxWidth: 22,
            data: rows.map((one) => ({value: one.outcome === 'never' ? 0 : place(one),
              itemStyle: {color: calvo.theme.engine(one.engine), opacity: 0.85}}))},
          {type: 'custom', silent: true, z: 4, data: rows.map((one, i) => [place(one), i]),
            renderItem: (params, api) => {
              const one = rows[params.dataIndex];
              const {text, page} = calvo.theme.colors();
              const closed = one.ci95 && one.ci95[0] !== null && one.ci95[1] !== null;
              const [from, y] = api.coord([one.outcome === 'never' ? 0 : place(one), params.dataIndex]);
              const label = {type: 'text', style: {fill: text, font: '13px sans-serif', textVerticalAlign: 'middle',
                text: one.outcome === 'unknown' ? 'unknown'
                  : ({always: '≥ ', never: '< '}[one.outcome] || '') + format.quantity(Number(place(one).toPrecision(3)), all[0].unit),
                x: 8 + (closed ? api.coord([one.ci95[1], params.dataIndex])[0] : from), y}};
              if (!closed) return {type: 'group', children: [label]};
              const [x1] = api.coord([one.ci95[0], params.dataIndex]);
              const [x2] = api.coord([one.ci95[1], params.dataIndex]);
              // A rim in the colour of the page keeps it apart from a dark bar.
              const whisker = (style) => [[x1, y, x2, y], [x1, y - 5, x1, y + 5], [x2, y - 5, x2, y + 5]]
                .map(([a, b, c, d]) => ({type: 'line', shape: {x1: a, y1: b, x2: c, y2: d}, style}));
              return {type: 'group', children: [label, ...whisker({stroke: page, lineWidth: 4}),
                ...whisker({stroke: text, lineWidth: 1.5})]};
            }}],
      };
    },
    data: () => ({columns: ['engine', 'settings', 'outcome', 'source', 'rate', 'low95', 'high95', 'lowest tried', 'highest tried'],
      rows: all.map((one) => [one.engine, label(one), one.outcome, one.source, one.rate,
        one.ci95 ? one.ci95[0] : null, one.ci95 ? one.ci95[1] : null, ...(one.tried || [null, null])])}),
    height: () => 90 + 40 * Math.max(1, shown().length), zooms: '',
  })];
};
