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

/** The deadlines of a group's requests, as marks across a plot over the TTFT. */
calvo.deadlineMarks = (group) => {
  const [low, middle, high] = group.distribution.deadline_s;
  if (low === undefined) return {};
  const {text} = calvo.theme.colors();
  const time = calvo.format.seconds(middle);
  if (high / low < 1.001) {
    return {markLine: calvo.markLine([{xAxis: middle, label: {formatter: `deadline ${time}`}}])};
  }
  return {markArea: {silent: true, itemStyle: {color: text, opacity: 0.08}, label: {show: false},
    data: [[{xAxis: low}, {xAxis: high}]]},
    markLine: calvo.markLine([{xAxis: middle, label: {formatter: `median deadline ${time} (shaded: 5 to 95 % of them)`}}])};
};

calvo.plots.distribution = (model, state) => {
  const {format} = calvo;
  const groups = () => calvo.shownGroups(model, state);
  const withValues = (key) => groups().filter((group) => group.distribution[key].values.length);

  const option = ({key, name, marks, show, tick}) => {
    const shown = withValues(key);
    if (!shown.length) return null;
    return calvo.cdfOption({
      curves: shown.map((group) => ({name: calvo.groupName(group), engine: group.engine,
        line: {width: 2, type: group.real ? 'dashed' : 'solid'}, distribution: group.distribution[key]})),
      name, show, tick, marks: marks(shown)});
  };

  const rowsOf = (key) => () => ({
    columns: ['engine', 'kind', 'load', 'requests', 'requests with at most this', 'share of requests', key],
    rows: groups().flatMap((group) => {
      const d = group.distribution[key];
      return d.values.map((value, i) => [calvo.groupName(group), group.real ? 'real' : 'simulated', group.load, d.of,
        d.counts[i], format.digits(d.counts[i] / d.of, 6), value]);
    }),
  });
  const readable = (key, show) => () => ({
    columns: ['engine', 'requests', ...calvo.quantileShares.map((q) => (q === 1 ? 'slowest' : `P${100 * q}`))],
    rows: withValues(key).map((group) => [calvo.groupName(group), group.distribution[key].of,
      ...group.distribution[key].quantiles.map(show)]),
  });

  const merged = () => {
    const runs = groups().map((group) => group.runs.length);
    return Math.max(...runs, 0) > 1 ? ` Requests of all ${Math.max(...runs)} runs of an engine are taken together.` : '';
  };

  return [
    new calvo.Figure({
      id: 'ttft-cdf', title: 'How TTFT is distributed',
      words: () => calvo.atLoad(model, state) + 'For each TTFT, the share of requests that were at least as fast. Medians: ' +
        withValues('ttft_s').map((group) => `${calvo.groupName(group)} ${format.seconds(calvo.medianOf(group.distribution.ttft_s))}`)
          .join(', ') + '.' + merged(),
      reading: 'Further left and higher is better; symbols are at P10, P50 and P90. A curve that ends below 100 % had requests that were rejected or did not finish. The dashed line and the shade are the deadlines that requests had, each its own.',
      option: () => option({key: 'ttft_s', name: 'TTFT (log scale)', marks: ([first]) => calvo.deadlineMarks(first), show: format.seconds, tick: format.tick}),
      nothing: 'No distribution: these sources kept no requests.csv.',
      data: rowsOf('ttft_s'), tableData: readable('ttft_s', format.seconds),
    }),
    new calvo.Figure({
      id: 'deadline-cdf', title: 'TTFT against each request\'s own deadline',
      words: () => calvo.atLoad(model, state) + 'TTFT divided by the deadline of the same request. In time (at most 1): ' +
        withValues('to_deadline').map((group) =>
          `${calvo.groupName(group)} ${format.percent(calvo.shareWithin(group.distribution.to_deadline, 1))}`).join(', ') + '.' + merged(),
      reading: 'Left of the line, requests met their deadline: the height at the line is the share in time, which is the attainment unless there is an objective for TPOT too. How far right a curve goes says how late the others were (2: twice the deadline).',
      option: () => option({key: 'to_deadline', name: 'TTFT ÷ deadline (log scale)', show: (v) => format.number(v),
        tick: format.plain, marks: () => ({markLine: calvo.markLine([{xAxis: 1, label: {formatter: 'deadline'}}])})}),
      nothing: 'Nothing to show: no request that was kept has a deadline.',
      data: rowsOf('to_deadline'), tableData: readable('to_deadline', (v) => format.number(v)),
    }),
  ];
};
