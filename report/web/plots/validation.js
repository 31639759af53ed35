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
    reading: 'The nearer the two curves of one colour, the better the prediction. Scenario and engine are the same in both. The dashed line and the shade: the deadlines that requests had.',
    option: () => {
      const shown = pairs();
      if (!shown.length) return null;
      const curve = (group, label, line) => ({name: label, engine: group.engine, line, distribution: group.distribution.ttft_s});
      return calvo.cdfOption({name: 'TTFT (log scale)', show: format.seconds, tick: format.tick,
        marks: calvo.deadlineMarks(shown[0].sim), curves: shown.flatMap((pair) => [
          curve(pair.sim, `${name(pair)} (simulated)`, {width: 2.4, type: 'solid'}),
          curve(pair.real, `${name(pair)} (real)`, {width: 1.8, type: 'dashed'})])});
    },
    nothing: 'No engine that is shown was both simulated and really run.',
    data: () => ({columns: ['engine', 'kind', 'requests', 'requests with at most this', 'ttft_s'],
      rows: pairs().flatMap((pair) => [['simulated', pair.sim], ['real', pair.real]].flatMap(([kind, group]) => {
        const d = group.distribution.ttft_s;
        return d.values.map((value, i) => [name(pair), kind, d.of, d.counts[i], value]);
      }))}),
    tableData: () => ({columns: ['engine', 'kind', ...calvo.quantileShares.map((q) => (q === 1 ? 'slowest' : `P${100 * q}`))],
      rows: pairs().flatMap((pair) => [['simulated', pair.sim], ['real', pair.real]].map(([kind, group]) =>
        [name(pair), kind, ...group.distribution.ttft_s.quantiles.map(format.seconds)]))}),
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
