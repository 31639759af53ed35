// Predictions beside measurements.
'use strict';
calvo.plots.validation = (model, state) => {
  const {format} = calvo;
  const pairs = () => model.pairs.map(({simulated, real}) => ({sim: model.groups[simulated], real: model.groups[real]}))
    .filter(({sim}) => !state.hidden.has(sim.engine) && (state.load === null || sim.load === state.load));
  if (!model.pairs.length) return [];
  const name = ({sim}) => sim.engine + (sim.variant ? `, ${sim.variant}` : '');
  const statistics = [['mean_ttft_ms', 'mean TTFT'], ['median_ttft_ms', 'P50'], ['p90_ttft_ms', 'P90'],
                      ['p95_ttft_ms', 'P95'], ['p99_ttft_ms', 'P99']];
  const error = (pair, key) => {
    const a = pair.sim.metrics[key];
    const b = pair.real.metrics[key];
    return a && b && b.mean > 0 ? 100 * (a.mean - b.mean) / b.mean : null;
  };
  const sign = (value) => (value === null ? '–' : `${value > 0 ? '+' : ''}${value.toFixed(1)} %`);
  const overlay = new calvo.Figure({
    id: 'overlay', title: 'Predicted and measured TTFT',
    words: () => 'Distribution of TTFT: solid as simulated, dashed as measured in real runs. Error of the predicted median: ' +
      pairs().map((pair) => `${name(pair)} ${sign(error(pair, 'median_ttft_ms'))}`).join(', ') + '.',
    reading: 'The nearer the two curves of one colour, the better the prediction. Scenario and engine are the same in both.',
    option: () => {
      const shown = pairs();
      if (!shown.length) return null;
      const line = (group, label, type, i) => {
        const d = group.distribution;
        return {type: 'line', name: label, symbol: 'none', color: calvo.theme.engine(group.engine),
                lineStyle: {width: type === 'solid' ? 2.4 : 1.8, type}, z: i,
                data: calvo.cdf(d.ttft_s, d.shares, d.with_ttft / d.measured).filter(([v]) => v > 0)};
      };
      return {
        xAxis: calvo.axis('TTFT (log scale)', {type: 'log', axisLabel: {formatter: format.tick}}),
        yAxis: calvo.axis('requests with at most this (%)', {type: 'value', min: 0, max: 100, nameGap: 44}),
        series: shown.flatMap((pair, i) => [line(pair.sim, `${name(pair)} (simulated)`, 'solid', i),
                                            line(pair.real, `${name(pair)} (real)`, 'dashed', i)]),
        tooltip: {...calvo.baseOption().tooltip, trigger: 'item', formatter: ({seriesName, value}) =>
          `<b>${echarts.format.encodeHTML(seriesName)}</b><br>${value[1].toFixed(1)} % of requests: ${format.seconds(value[0])} or less`},
        dataZoom: [calvo.insideZoom('x')],
      };
    },
    nothing: 'No engine that is shown was both simulated and really run.',
    data: () => ({columns: ['engine', 'quantile', 'simulated_s', 'real_s'],
      rows: pairs().flatMap((pair) => pair.sim.distribution.shares.map((share, i) =>
        [name(pair), share, pair.sim.distribution.ttft_s[i] ?? null, pair.real.distribution.ttft_s[i] ?? null]))}),
  });
  const errors = new calvo.Figure({
    id: 'errors', title: 'How far the predictions were off',
    words: () => 'Simulated minus measured, relative to measured. ' + pairs().map((pair) =>
      `${name(pair)}: ` + statistics.map(([key, words]) => `${words} ${sign(error(pair, key))}`).join(', ') +
      (pair.sim.metrics.slo_attainment && pair.real.metrics.slo_attainment
        ? `, attainment ${(100 * (pair.sim.metrics.slo_attainment.mean - pair.real.metrics.slo_attainment.mean)).toFixed(1)} points` : '') +
      ` (${pair.real.runs.length} real run${pair.real.runs.length > 1 ? 's' : ''})`).join('; ') + '.',
    reading: 'Nearer to zero is better; below zero the prediction was too fast. Real runs differ among themselves: calvo validate weighs errors against that spread.',
    option: () => {
      const shown = pairs();
      if (!shown.length) return null;
      return {
        xAxis: {type: 'category', data: statistics.map(([, words]) => words),
                axisLabel: {color: calvo.theme.colors().text}, axisLine: {onZero: true}},
        yAxis: calvo.axis('error of the prediction (%)', {type: 'value', nameGap: 48}),
        series: shown.map((pair) => ({type: 'bar', name: name(pair), color: calvo.theme.engine(pair.sim.engine), barMaxWidth: 52,
          label: {show: shown.length < 4, color: calvo.theme.colors().text, fontSize: 11,
                  formatter: ({value}) => sign(value)},
          data: statistics.map(([key]) => ({value: error(pair, key),
            label: {position: error(pair, key) < 0 ? 'bottom' : 'top'}}))})),
      };
    },
    nothing: 'No engine that is shown was both simulated and really run.',
    data: () => ({columns: ['engine', 'statistic', 'simulated_ms', 'real_ms', 'error (%)'],
      rows: pairs().flatMap((pair) => statistics.map(([key, words]) => [name(pair), words,
        pair.sim.metrics[key] && pair.sim.metrics[key].mean, pair.real.metrics[key] && pair.real.metrics[key].mean, error(pair, key)]))}),
    zooms: '', height: 320,
  });
  return [overlay, errors];
};
