// How TTFT is distributed, in seconds and against each request's deadline.
'use strict';
calvo.groupName = (group) =>
  group.engine + (group.variant ? `, ${group.variant}` : '') + (group.real ? ' (real)' : '');

/** Groups of the load that the reader has chosen, without hidden engines. */
calvo.shownGroups = (model, state) => model.groups.filter(
  (group) => (state.load === null || group.load === state.load) && !state.hidden.has(group.engine));

/** "At rate 1 /s. " where the reader has chosen one of several loads. */
calvo.atLoad = (model, state) => {
  const group = state.load === null ? null : model.groups.find((one) => one.load === state.load);
  if (!group) return '';
  return `At ${group.load.startsWith(`${group.engine}, `) ? group.load.slice(group.engine.length + 2) : group.load}. `;
};

/** Points [value, share of requests in %] of a distribution function; what never came counts. */
calvo.cdf = (values, shares, scale) => values.map((value, i) => [value, 100 * shares[i] * scale]);

/** Share of requests (0 to 1) whose value is at most `limit`. */
calvo.shareBelow = (values, shares, scale, limit) => {
  let last = 0;
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] > limit) {
      const step = values[i] - (values[i - 1] ?? 0);
      const part = i === 0 ? 0 : (limit - values[i - 1]) / step;
      return scale * (last + part * (i === 0 ? 0 : shares[i] - shares[i - 1]));
    }
    last = shares[i];
  }
  return scale * last;
};

calvo.plots.distribution = (model, state) => {
  const {format} = calvo;
  const groups = () => calvo.shownGroups(model, state);
  const dash = (group) => ({width: 2, type: group.real ? 'dashed' : 'solid'});

  const option = ({key, count, of, name, marks, show}) => {
    const shown = groups().filter((group) => group.distribution[key].length);
    if (!shown.length) return null;
    const series = shown.map((group, i) => {
      const d = group.distribution;
      return {
        type: 'line', name: calvo.groupName(group), symbol: 'none', color: calvo.theme.engine(group.engine),
        lineStyle: dash(group), emphasis: {focus: 'series'},
        data: calvo.cdf(d[key], d.shares, d[count] / d[of]).filter(([value]) => value > 0),
        ...(i === 0 ? marks(shown) : {}),
      };
    });
    return {
      xAxis: calvo.axis(name, {type: 'log', axisLabel: {formatter: show === format.seconds ? format.tick : format.plain}}),
      yAxis: calvo.axis('requests with at most this (%)', {type: 'value', min: 0, max: 100, nameGap: 44}),
      series, dataZoom: [calvo.insideZoom('x')],
      tooltip: {...calvo.baseOption().tooltip, trigger: 'item', axisPointer: {type: 'cross'},
        formatter: ({seriesName, value}) =>
          `<b>${echarts.format.encodeHTML(seriesName)}</b><br>${value[1].toFixed(1)} % of requests: ${show(value[0])} or less`},
    };
  };

  const rowsOf = (key, count, of) => () => ({
    columns: ['engine', 'kind', 'load', 'requests', 'share of requests', key],
    rows: groups().flatMap((group) => group.distribution[key].map((value, i) => [
      calvo.groupName(group), group.real ? 'real' : 'simulated', group.load, group.distribution[of],
      format.digits(group.distribution.shares[i] * group.distribution[count] / group.distribution[of], 5), value])),
  });
  const readable = (key, count, of, show) => () => {
    const shown = groups().filter((group) => group.distribution[key].length);
    const wanted = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
    return {columns: ['engine', 'requests', ...wanted.map((q) => (q === 1 ? 'slowest' : `P${100 * q}`))],
      rows: shown.map((group) => [calvo.groupName(group), group.distribution[of], ...wanted.map((q) => {
        const i = group.distribution.shares.findIndex((share) => share >= q - 1e-9);
        return show(group.distribution[key][i]);
      })])};
  };

  const deadlines = (shown) => {
    const [low, middle, high] = shown[0].distribution.deadline_s;
    if (low === undefined) return {};
    const {bad} = calvo.theme.colors();
    if (high / low < 1.001) {
      return {markLine: calvo.markLine([{xAxis: middle, label: {formatter: `deadline ${format.seconds(middle)}`}}])};
    }
    return {markArea: {silent: true, itemStyle: {color: bad, opacity: 0.09}, label: {show: false},
      data: [[{xAxis: low}, {xAxis: high}]]},
      markLine: calvo.markLine([{xAxis: middle, label: {formatter:
        `median deadline ${format.seconds(middle)} (shaded: 5 to 95 % of them)`}}])};
  };
  const merged = () => {
    const runs = groups().map((group) => group.runs.length);
    return Math.max(...runs, 0) > 1 ? ` Requests of all ${Math.max(...runs)} runs of an engine are taken together.` : '';
  };
  const median = (group) => group.distribution.ttft_s[
    group.distribution.shares.findIndex((share) => share >= 0.5)];

  return [
    new calvo.Figure({
      id: 'ttft-cdf', title: 'How TTFT is distributed',
      words: () => calvo.atLoad(model, state) + 'For each TTFT, the share of requests that were at least as fast. Medians: ' +
        groups().filter((group) => group.distribution.ttft_s.length)
          .map((group) => `${calvo.groupName(group)} ${format.seconds(median(group))}`).join(', ') + '.' + merged(),
      reading: 'Further left and higher is better. A curve that ends below 100 % had requests without a first token. Red: the deadlines that requests had, each its own.',
      option: () => option({key: 'ttft_s', count: 'with_ttft', of: 'measured', name: 'TTFT (log scale)',
        marks: deadlines, show: format.seconds}),
      nothing: 'No distribution: these sources kept no requests.csv.',
      data: rowsOf('ttft_s', 'with_ttft', 'measured'),
      tableData: readable('ttft_s', 'with_ttft', 'measured', format.seconds),
    }),
    new calvo.Figure({
      id: 'deadline-cdf', title: 'TTFT against each request\'s own deadline',
      words: () => calvo.atLoad(model, state) + 'TTFT divided by the deadline of the same request. In time (at most 1): ' +
        groups().filter((group) => group.distribution.to_deadline.length).map((group) => {
          const d = group.distribution;
          return `${calvo.groupName(group)} ${format.percent(calvo.shareBelow(d.to_deadline, d.shares, d.in_ratio / d.with_deadline, 1))}`;
        }).join(', ') + '.' + merged(),
      reading: 'Left of the line, requests met their deadline: the height at the line is the share in time. How far right a curve goes says how late the others were (2: twice the deadline).',
      option: () => option({key: 'to_deadline', count: 'in_ratio', of: 'with_deadline',
        name: 'TTFT ÷ deadline (log scale)', show: (v) => format.number(v),
        marks: () => ({markLine: calvo.markLine([{xAxis: 1, label: {formatter: 'deadline'}}])})}),
      nothing: 'Nothing to show: no request that was kept has a deadline.',
      data: rowsOf('to_deadline', 'in_ratio', 'with_deadline'),
      tableData: readable('to_deadline', 'in_ratio', 'with_deadline', (v) => format.number(v)),
    }),
  ];
};
