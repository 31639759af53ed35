// A plot with its caption in words, its data as a table and CSV, and its picture as SVG and PNG.
'use strict';
calvo.figures = new Map();

calvo.type = {family: 'system-ui, Segoe UI, DejaVu Sans, sans-serif', size: 13};
calvo.legendBox = {icon: 25, gap: 14, row: 28};  // pixels

/** What all plots have in common: type, colours, no animation. */
calvo.baseOption = () => {
  const colors = calvo.theme.colors();
  const {family: fontFamily, size: fontSize} = calvo.type;
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: {color: colors.text, fontFamily, fontSize},
    legend: {top: 0, itemGap: calvo.legendBox.gap, itemWidth: calvo.legendBox.icon, textStyle: {color: colors.text, fontSize},
             inactiveColor: colors.line},
    grid: {left: 74, right: 28, top: 44, bottom: 56},
    tooltip: {confine: true, backgroundColor: colors.page, borderColor: colors.line,
              textStyle: {color: colors.text, fontSize: 13}},
  };
};

calvo.axis = (name, more = {}) => {
  const colors = calvo.theme.colors();
  return {
    name, nameLocation: 'middle', nameGap: 32,
    nameTextStyle: {color: colors.text, fontSize: 13},
    axisLine: {show: true, lineStyle: {color: colors.quiet}},
    axisLabel: {color: colors.quiet, hideOverlap: true, ...more.axisLabel},
    splitLine: {lineStyle: {color: colors.line, opacity: 0.5}},
    ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'axisLabel')),
  };
};

/** A labelled line across a plot. */
calvo.markLine = (items) => {
  const colors = calvo.theme.colors();
  return {
    silent: true, symbol: 'none', animation: false,
    lineStyle: {color: colors.text, type: 'dashed', width: 1.5},
    label: {color: colors.text, fontSize: 12, textBorderColor: colors.page, textBorderWidth: 3},
    data: items,
  };
};

/** Moves all that lies below the legend down by `pixels`. */
calvo.movedDown = (option, pixels) => {
  const down = (part) => (part && typeof part.top === 'number' ? {...part, top: part.top + pixels} : part);
  const each = (parts) => (Array.isArray(parts) ? parts.map(down) : down(parts));
  return {...option, grid: each(option.grid), title: each(option.title)};
};

/** Pixels that the rows of the legend but the first take at `width`. */
calvo.legendRest = (option, width) => {
  const {legend} = option;
  if (legend.show === false) return 0;
  const names = (legend.data || []).map((one) => one.name ?? one);
  if (!legend.data) names.push(...new Set([option.series].flat().map((one) => one.name).filter(Boolean)));
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `${calvo.type.size}px ${calvo.type.family}`;
  let rows = 1;
  let x = 0;
  for (const name of names) {
    const item = legend.itemWidth + 6 + pen.measureText(name).width;
    if (x > 0 && x + item > width - 12) { rows += 1; x = 0; }
    x += item + calvo.legendBox.gap;
  }
  return (rows - 1) * calvo.legendBox.row;
};

calvo.Figure = class {
  /**
   * id, title
   * words      () => what the plot shows, with its main numbers, for everybody
   * reading    how to read it: what the axes are and what is better; text or () => text
   * note       () => what a saved picture has to say below its title; optional
   * option     (width) => ECharts option, or null with `nothing` as the reason in words
   * data       () => {columns, rows}: everything; the table shows its first rows
   * controls   elements above the plot
   * height     pixels, or (width) => pixels
   * renderer   'svg', or 'canvas' for plots with many marks
   * zooms      'x', 'y', 'xy' or '': directions in which it can be zoomed
   */
  constructor(settings) {
    Object.assign(this, {controls: [], height: 360, renderer: 'svg', zooms: 'x', nothing: ''},
      settings);
    calvo.figures.set(this.id, this);
  }

  mount(parent) {
    const e = calvo.element;
    this.wordsNode = e('p', {id: `${this.id}-words`});
    this.readingNode = e('p', {class: 'quiet'});
    this.chartNode = e('div', {class: 'chart', tabindex: 0, role: 'img',
      'aria-describedby': `${this.id}-words`, onkeydown: (event) => this.key(event)});
    this.nothingNode = e('p', {class: 'nothing', hidden: ''});
    const table = calvo.scroller(`Data of: ${this.title}`, null);
    this.tableNode = table.querySelector('.scroll');
    this.detailsNode = e('details', {ontoggle: () => this.fillTable()},
      e('summary', {}, 'Data as a table'), table);
    const zoomButtons = this.zooms ? [
      e('button', {type: 'button', onclick: () => this.zoom(0.5)}, 'Zoom in'),
      e('button', {type: 'button', onclick: () => this.zoom(2)}, 'Zoom out'),
      e('button', {type: 'button', onclick: () => this.resetZoom()}, 'Reset'),
    ] : [];
    this.actionsNode = e('div', {class: 'actions'}, ...zoomButtons,
      e('button', {type: 'button', onclick: () => this.save('svg')}, 'Save SVG'),
      e('button', {type: 'button', onclick: () => this.save('png')}, 'Save PNG'),
      e('button', {type: 'button', onclick: () => this.save('csv')}, 'Save CSV'),
      this.zooms ? e('p', {class: 'hint'},
        'Zoom: these buttons, Ctrl + wheel, or + − 0 and arrow keys on the plot.') : null);
    this.node = e('figure', {id: this.id, 'aria-labelledby': `${this.id}-title`},
      e('figcaption', {}, e('h3', {id: `${this.id}-title`}, this.title), this.wordsNode,
        this.readingNode),
      e('div', {class: 'controls'}, ...this.controls),
      this.chartNode, this.nothingNode, this.actionsNode, this.detailsNode);
    parent.append(this.node);
  }

  heightAt(width) { return typeof this.height === 'function' ? this.height(width) : this.height; }
  /** Of the plot, in pixels. */
  width() { return this.chartNode.clientWidth || this.node.clientWidth - 32; }
  wholeOption(width) {
    const option = this.option(width);
    return option && {...calvo.baseOption(), ...option};
  }
  /** Pixels that the legend and the plot below it take. */
  extent(option, width) {
    const legend = calvo.legendRest(option, width);
    return {legend, height: this.heightAt(width) + legend};
  }

  render() {
    const option = this.wholeOption(this.width());
    this.nothingNode.hidden = option !== null;
    this.chartNode.hidden = option === null;
    this.actionsNode.hidden = option === null;
    this.detailsNode.hidden = option === null;
    if (option === null) {
      this.nothingNode.textContent = calvo.noEngineShown(this.id) ? 'No engine is shown: switch one on at the top.'
        : typeof this.nothing === 'function' ? this.nothing() : this.nothing;
      this.wordsNode.textContent = '';
      if (this.chart) { this.chart.dispose(); this.chart = null; }
      return;
    }
    this.readingNode.textContent = typeof this.reading === 'function' ? this.reading() : this.reading || '';
    const words = this.words();
    this.wordsNode.textContent = words;
    this.chartNode.setAttribute('aria-label', `${this.title}. ${words} The data follow as a table.`);
    this.shown = this.extent(option, this.width());
    this.chartNode.style.height = `${this.shown.height}px`;
    if (!this.chart) {
      this.chart = echarts.init(this.chartNode, null, {renderer: this.renderer});
      if (this.afterInit) this.afterInit(this.chart);
    }
    this.chart.resize();
    this.chart.setOption(calvo.movedDown(option, this.shown.legend), {notMerge: true});
    if (this.detailsNode.open) this.fillTable();
  }

  /** After a change of width; keeps what the reader has zoomed to, unless the plot is laid out anew. */
  resize() {
    if (!this.chart) return;
    const {height} = this.extent(this.wholeOption(this.width()), this.width());
    if (height === this.shown.height) this.chart.resize(); else this.render();
  }

  fillTable() {
    if (!this.detailsNode.open) return;
    const {columns, rows} = this.tableData ? this.tableData() : this.data();
    const most = 400;
    const caption = rows.length > most
      ? `${this.title}: the first ${most} of ${rows.length} rows; the CSV has all of them` : this.title;
    this.tableNode.replaceChildren(calvo.table({caption, columns, rows: rows.slice(0, most)}));
  }

  // ---- zoom

  zooming(kind) {
    const all = this.chart ? this.chart.getOption().dataZoom || [] : [];
    return all.map((zoom, index) => ({zoom, index}))
      .filter(({zoom}) => zoom.type === 'inside' &&
        (kind === 'y' ? zoom.yAxisIndex !== undefined && zoom.orient === 'vertical'
          : zoom.orient !== 'vertical'));
  }

  setZoom(kind, start, end) {
    const width = Math.min(100, Math.max(1e-3, end - start));
    const from = Math.min(Math.max(0, start), 100 - width);
    for (const {index} of this.zooming(kind)) {
      this.chart.dispatchAction({type: 'dataZoom', dataZoomIndex: index, start: from, end: from + width});
    }
  }

  zoom(factor, kind = this.zooms.includes('x') ? 'x' : 'y') {
    const found = this.zooming(kind)[0];
    if (!found) return;
    const {start, end} = found.zoom;
    const middle = (start + end) / 2;
    const half = (end - start) / 2 * factor;
    this.setZoom(kind, middle - half, middle + half);
  }

  pan(share, kind = 'x') {
    const found = this.zooming(kind)[0];
    if (!found) return;
    const {start, end} = found.zoom;
    const step = (end - start) * share;
    this.setZoom(kind, start + step, end + step);
  }

  resetZoom() {
    this.setZoom('x', 0, 100);
    this.setZoom('y', 0, 100);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.zooms) return;
    const actions = {
      '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2),
      '0': () => this.resetZoom(), Home: () => this.resetZoom(),
      ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
      ArrowUp: () => this.pan(0.2, 'y'), ArrowDown: () => this.pan(-0.2, 'y'),
    };
    const vertical = event.key === 'ArrowUp' || event.key === 'ArrowDown';
    if (!actions[event.key] || (vertical && !this.zooms.includes('y'))) return;
    event.preventDefault();
    actions[event.key]();
  }

  // ---- files

  /** The option with title and legend in the picture, which stands alone once it is saved. */
  pictureOption() {
    const option = this.wholeOption(this.pictureWidth);
    const heading = this.pictureHead();
    const colors = calvo.theme.colors();
    const moved = calvo.movedDown(option, heading + this.extent(option, this.pictureWidth).legend);
    return {
      ...moved,
      backgroundColor: colors.page,
      title: [{text: this.title, subtext: this.note ? this.note() : '', left: 8, top: 6, itemGap: 8,
               textStyle: {color: colors.text, fontSize: 15, fontWeight: 600},
               subtextStyle: {color: colors.quiet, fontSize: 12}},
              ...[moved.title || []].flat()],
      legend: {...option.legend, top: (option.legend.top || 0) + heading},
      dataZoom: (option.dataZoom || []).map((zoom) => ({...zoom, show: false, ...this.shownRange(zoom)})),
    };
  }

  /** What the reader has zoomed to. */
  shownRange(zoom) {
    const found = this.zooming(zoom.orient === 'vertical' ? 'y' : 'x')[0];
    return found ? {start: found.zoom.start, end: found.zoom.end, startValue: undefined,
                    endValue: undefined} : {};
  }

  pictureWidth = 960;
  pictureHead() { return this.note ? 54 : 34; }
  pictureSize() {
    const width = this.pictureWidth;
    return {width, height: this.extent(this.wholeOption(width), width).height + this.pictureHead() + 6};
  }

  svg() {
    const chart = echarts.init(null, null, {renderer: 'svg', ssr: true, ...this.pictureSize()});
    chart.setOption(this.pictureOption());
    const text = chart.renderToSVGString();
    chart.dispose();
    return text;
  }

  png() {
    const {width, height} = this.pictureSize();
    const place = calvo.element('div', {style: `width:${width}px;height:${height}px`});
    const chart = echarts.init(place, null, {renderer: 'canvas', width, height});
    chart.setOption(this.pictureOption());
    const url = chart.getDataURL({type: 'png', pixelRatio: 2,
                                  backgroundColor: calvo.theme.colors().page});
    chart.dispose();
    return url;
  }

  csv() { return calvo.csv(this.data()); }

  save(kind) {
    let blob;
    if (kind === 'svg') blob = new Blob([this.svg()], {type: 'image/svg+xml'});
    else if (kind === 'csv') blob = new Blob([this.csv()], {type: 'text/csv'});
    else {
      const bytes = Uint8Array.from(atob(this.png().split(',')[1]), (c) => c.charCodeAt(0));
      blob = new Blob([bytes], {type: 'image/png'});
    }
    const url = URL.createObjectURL(blob);
    const link = calvo.element('a', {href: url, download: `${this.id}.${kind}`});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
};

/** Inside zoom that leaves the plain wheel to the page. */
calvo.insideZoom = (axis, more = {}) => ({
  type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, moveOnMouseMove: true,
  filterMode: 'none', orient: axis === 'y' ? 'vertical' : 'horizontal',
  ...(axis === 'y' ? {yAxisIndex: 0} : {xAxisIndex: 0}), ...more,
});

calvo.sliderZoom = (more = {}) => {
  const colors = calvo.theme.colors();
  return {type: 'slider', xAxisIndex: 0, filterMode: 'none', height: 18, bottom: 6,
          brushSelect: false, showDetail: false, borderColor: colors.line,
          fillerColor: colors.line + '66', textStyle: {color: colors.quiet}, ...more};
};
