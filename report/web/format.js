// Numbers and elements as the page shows them.
'use strict';
window.calvo = window.calvo || {};

calvo.format = (() => {
  const digits = (value, count = 3) => {
    if (value === 0) return '0';
    const places = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value))));
    return value.toFixed(Math.min(places, 9));
  };
  /** 0.0123 -> "12.3 ms" */
  const seconds = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return '–';
    const size = Math.abs(value);
    if (size === 0) return '0\u00a0s';
    if (size < 1e-3) return digits(value * 1e6) + '\u00a0µs';
    if (size < 1) return digits(value * 1e3) + '\u00a0ms';
    if (size < 6000) return digits(value) + '\u00a0s';
    return digits(value / 3600) + '\u00a0h';
  };
  /** The same without zeros that say nothing, for the marks of an axis. */
  const tick = (value) => seconds(value).replace(/\.?0+(?=\u00a0)/, (zeros) => (zeros[0] === '.' ? '' : zeros));
  const plain = (value) => String(Number(value.toPrecision(6)));
  const percent = (share, places = 1) =>
    share === null || share === undefined ? '–' : (100 * share).toFixed(places) + '\u00a0%';
  const number = (value) =>
    value === null || value === undefined ? '–' :
      Number.isInteger(value) ? String(value) : digits(value, 4);
  /** 2.5e10, "B/s" -> "25 GB/s"; for axes of sweeps. */
  const quantity = (value, unit) => {
    if (value === null || value === undefined) return '–';
    if (unit === 's') return seconds(value);
    const large = unit === '' || unit === '/s' ? [] : ['', 'k', 'M', 'G', 'T', 'P'];
    let step = 0;
    while (step + 1 < large.length && Math.abs(value) >= 1000) { value /= 1000; step += 1; }
    const text = String(Number(value.toPrecision(4)));
    return unit ? `${text}\u00a0${large.length ? large[step] : ''}${unit}` : text;
  };
  const list = (words) =>
    words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' and ' + words.at(-1);
  return {digits, seconds, tick, plain, percent, number, quantity, list};
})();

/** An element with attributes and children; text stays text. */
calvo.element = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

/** A select with its label; `options` are [value, text]. */
calvo.select = (text, options, chosen, changed) => {
  const box = calvo.element('select', {onchange: (event) => changed(event.target.value)},
    ...options.map(([value, words]) => calvo.element('option', {value}, words)));
  box.value = chosen;
  return calvo.element('label', {}, text, box);
};

/** Text that may break behind the joints of a name or a path. */
calvo.breakable = (text) => text.split(/(?<=[_./,])/).flatMap((part, i) => (i ? [calvo.element('wbr'), part] : [part]));

/** A table element of {caption, columns, rows}; `words`: its cells are names and texts. */
calvo.table = ({caption, columns, rows, words}) => calvo.element('table',
  words ? {class: 'words'} : {},
  caption ? calvo.element('caption', {}, caption) : null,
  calvo.element('thead', {}, calvo.element('tr', {},
    ...columns.map((column) => calvo.element('th', {scope: 'col'}, column)))),
  calvo.element('tbody', {}, ...rows.map((row) => calvo.element('tr', {},
    ...row.map((cell, i) => calvo.element(i === 0 ? 'th' : 'td', i === 0 ? {scope: 'row'} : {},
      ...(cell === null || cell === undefined ? ['–'] : cell instanceof Node ? [cell]
        : words ? calvo.breakable(String(cell)) : [String(cell)])))))));

/** A box that scrolls what is too wide or too long for it, reached by Tab, and says when it does. */
calvo.scroller = (label, child, kind = '') => {
  const box = calvo.element('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label}, child);
  const hint = calvo.element('p', {class: 'hint sideways', hidden: ''}, 'Wider than the page: scroll it sideways.');
  const edge = calvo.element('div', {class: 'edge'}, box);
  const outer = calvo.element('div', {class: `scroller ${kind}`}, hint, edge);
  const update = () => {
    const rest = box.scrollWidth - box.clientWidth;
    hint.hidden = rest <= 1;
    edge.classList.toggle('more', rest - box.scrollLeft > 1);
  };
  box.addEventListener('scroll', update);
  const sizes = new ResizeObserver(update);
  sizes.observe(box);
  const watchContent = () => box.childNodes.forEach((node) => sizes.observe(node));
  new MutationObserver(watchContent).observe(box, {childList: true});
  watchContent();
  return outer;
};

/** RFC 4180. */
calvo.csv = ({columns, rows}) => {
  const cell = (value) => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(',')).join('\n') + '\n';
};
