// Distribution functions: the share of requests whose value is at most so much, a step at each value.
'use strict';

/** Share (0 to 1) of requests whose value is at most `limit`: what was counted, nothing between. */
calvo.shareWithin = ({of, values, counts}, limit) => {
  let low = 0;
  let high = values.length;  // the first value above the limit is in [low, high]
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= limit) low = middle + 1; else high = middle;
  }
  return low ? counts[low - 1] / of : 0;
};

/**
 * Options of a plot of distribution functions.
 * curves   [{name, engine, line (ECharts), distribution}]
 * name     of the horizontal axis
 * show     (value) => text, with its unit
 * tick     the same for the marks of the axis
 * marks    what ECharts draws beside the first curve
 */
calvo.cdfOption = ({curves, name, show, tick, marks}) => {
  const text = echarts.format.encodeHTML;
  const percent = (share) => (100 * share).toFixed(1) + '\u00a0%';
  return {
    xAxis: calvo.axis(name, {type: 'log', axisLabel: {formatter: tick}}),
    yAxis: calvo.axis('requests with at most this (%)', {type: 'value', min: 0, max: 100, nameGap: 44}),
    series: curves.map(({name: label, engine, line, distribution: d}, i) => {
      const points = d.values.map((value, k) => [value, 100 * d.counts[k] / d.of]).filter(([value]) => value > 0);
      // The engine's symbol at P10, P50 and P90, so that curves differ in more than colour.
      const marked = new Set([10, 50, 90].map((share) => points.findIndex((point) => point[1] >= share)));
      return {
        type: 'line', name: label, symbol: calvo.theme.symbol(engine), symbolSize: 8, z: 3,
        color: calvo.theme.engine(engine), step: 'end', lineStyle: line, emphasis: {disabled: true},
        data: (points.length ? [[points[0][0], 0], ...points] : [])
          .map((value, k) => (marked.has(k - 1) ? value : {value, symbol: 'none'})),
        ...(i === 0 ? marks : {}),
      };
    }),
    dataZoom: [calvo.insideZoom('x')],
    tooltip: {...calvo.baseOption().tooltip, trigger: 'axis', axisPointer: {type: 'line', snap: false},
      formatter: ([{axisValue}]) => `<b>${text(show(axisValue))} or less</b><br>` + curves.map(
        ({name: label, engine, distribution}) => `<span style="color:${calvo.theme.engine(engine)}">&#9632;</span> ` +
          `${text(label)}: ${percent(calvo.shareWithin(distribution, axisValue))}`).join('<br>')},
  };
};

/** Shares whose quantiles the page knows (report/distribution.hpp). */
calvo.quantileShares = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
calvo.medianOf = (distribution) => distribution.quantiles[calvo.quantileShares.indexOf(0.5)];
