// Where the time to the first token goes.
'use strict';
calvo.plots.stages = (model, state) => {
  const {format} = calvo;
  const parts = [['queue', 'queue', 'queue'], ['lookup', 'lookup', 'lookup'],
    ['network', 'network load', 'network_load'], ['pcie', 'PCIe load', 'pcie_load'],
    ['compute', 'prefill', 'prefill']];
  const subsets = {all: 'all requests', missed: 'those that missed their deadline',
                   slowest: 'the slowest hundredth'};
  let subset = 'all';
  /** From groups, else from the cells of a sweep, which know the means of all requests. */
  const rows = () => {
    const groups = calvo.shownGroups(model, state);
    if (groups.length) {
      return groups.map((group) => {
        const stages = group.stages.find((one) => one.of === subset);
        return {name: calvo.groupName(group), load: group.load, requests: stages.requests,
                values: parts.map(([key]) => stages[key])};
      }).filter((row) => row.requests);
    }
    return model.points.filter((point) => !state.hidden.has(point.engine) &&
        point.metrics.queue_ms && (state.pointLoad === null || point.x === state.pointLoad))
      .map((point) => ({name: point.engine + (point.variant ? `, ${point.variant}` : ''), load: point.load, requests: null,
                        values: parts.map(([key]) => point.metrics[`${key}_ms`].mean)}));
  };
  /** Which load is shown, in words. */
  const load = () => {
    if (model.groups.length) return calvo.atLoad(model, state);
    return state.pointLoad === null ? '' : `${calvo.atPoint(model, state.pointLoad)}. `;
  };
  const total = (row) => row.values.reduce((a, b) => a + b, 0);
  const figure = new calvo.Figure({
    id: 'stages', title: 'Where TTFT goes, by stage',
    words: () => load() + 'Mean time that a request spends in each stage until its first token, of ' +
      (model.groups.length ? subsets[subset] : 'all requests') + '. Largest part: ' +
      rows().map((row) => {
        const i = row.values.indexOf(Math.max(...row.values));
        return `${row.name} ${parts[i][1]} (${format.percent(row.values[i] / total(row), 0)})`;
      }).join(', ') + '.',
    reading: 'Shorter is better; the parts sum to the mean TTFT, written at the end. Queue: waiting for a turn. Lookup: asking what is cached. Network load: KV from remote memory to the host. PCIe load: from the host to the GPU. Prefill: computing what was not cached.',
    controls: model.groups.length
      ? [calvo.select('Of', Object.entries(subsets), subset, (v) => { subset = v; figure.render(); })]
      : state.pointLoads.length > 1
        ? [calvo.select('Load', state.pointLoads.map((x) => [String(x), calvo.atPoint(model, x).replace(/^At (a load of )?/, '')]),
          String(state.pointLoad), (v) => { state.pointLoad = Number(v); figure.render(); })] : [],
    option: () => {
      const shown = rows().toReversed();
      if (!shown.length) return null;
      const colors = calvo.theme.colors();
      const longest = Math.max(...shown.map(total));
      return {
        grid: {left: 16, right: 76, top: 40, bottom: 50, containLabel: true},
        xAxis: calvo.axis('mean time in the stage (s)', {type: 'value'}),
        yAxis: {type: 'category', data: shown.map((row) => row.name),
                axisLabel: {color: colors.text, fontSize: 13}, axisLine: {lineStyle: {color: colors.quiet}}},
        tooltip: {...calvo.baseOption().tooltip, trigger: 'item', formatter: ({seriesName, name, value}) =>
          `<b>${echarts.format.encodeHTML(name)}</b><br>${seriesName}: ${format.seconds(value)}`},
        series: parts.map(([, name, stage], i) => ({
          type: 'bar', name, stack: 'ttft', barMaxWidth: 34, color: calvo.theme.stage(stage),
          itemStyle: {borderColor: colors.page, borderWidth: 1}, emphasis: {focus: 'series'},
          // A line between parts, but none of a part too short to be seen.
          data: shown.map((row) => ({value: row.values[i] / 1e3,
            ...(row.values[i] < 0.002 * longest ? {itemStyle: {borderWidth: 0}} : {})})),
          label: i === parts.length - 1 ? {show: true, position: 'right', color: colors.text, fontSize: 12,
            formatter: ({dataIndex}) => format.seconds(total(shown[dataIndex]) / 1e3)} : undefined,
        })),
      };
    },
    nothing: () => (subset === 'all' ? 'No request has a first token.'
      : 'No request of this kind: choose another one above.'),
    data: () => ({columns: ['engine', 'load', 'of', 'requests', ...parts.map(([, name]) => `${name} (ms)`), 'mean TTFT (ms)'],
      rows: rows().map((row) => [row.name, row.load, subset, row.requests, ...row.values, total(row)])}),
    tableData: () => ({columns: ['engine', 'requests', ...parts.map(([, name]) => name), 'mean TTFT'],
      rows: rows().map((row) => [row.name, row.requests, ...row.values.map((v) => format.seconds(v / 1e3)),
                                 format.seconds(total(row) / 1e3)])}),
    height: () => 110 + 46 * Math.max(1, rows().length), zooms: '',
  });
  // With nothing to choose from, the plot of a subset shows the way back.
  figure.nothingKeepsControls = true;
  return [figure];
};
