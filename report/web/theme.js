// Colours, light and dark. Engines differ in colour and in symbol, so that colour is never needed.
'use strict';
calvo.theme = (() => {
  const light = {
    text: '#1b1f24', quiet: '#57606a', line: '#c4ccd4', page: '#f6f7f9', bad: '#b3261e',
    engines: ['#0072b2', '#d55e00', '#007a5a', '#b0518a', '#8a6d00', '#2b9ad6', '#6a3d9a', '#4d4d4d',
              '#a3001f', '#5b7f00'],
    stages: {lookup: '#8c959f', queue: '#c9a227', network_load: '#0072b2', pcie_load: '#7b4fb5',
             queue_loaded: '#e3c565', prefill: '#d55e00', decode: '#5aa469'},
  };
  const dark = {
    text: '#e6e8eb', quiet: '#a7b0ba', line: '#454e59', page: '#1d2127', bad: '#ff8f87',
    engines: ['#5fb6f2', '#ff9a5c', '#3fd6a0', '#f0a3cf', '#e6d04a', '#9bd0ff', '#c3a2ff', '#cfd4da',
              '#ff8390', '#b6dc5c'],
    stages: {lookup: '#98a2ad', queue: '#e0bb45', network_load: '#5fb6f2', pcie_load: '#b795f0',
             queue_loaded: '#8f7d3a', prefill: '#ff9a5c', decode: '#6fc184'},
  };
  // The last two are a plus and a cross: ECharts' own pin and arrow lie beside their point.
  const symbols = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle',
    'path://M4 0h4v4h4v4h-4v4h-4v-4h-4v-4h4z', 'path://M2 0L6 4L10 0L12 2L8 6L12 10L10 12L6 8L2 12L0 10L4 6L0 2z'];
  const order = [];  // engines by first mention
  const asked = window.matchMedia('(prefers-color-scheme: dark)');
  let choice = 'auto';
  let printing = false;
  const isDark = () => !printing && (choice === 'dark' || (choice === 'auto' && asked.matches));
  const apply = () => {
    document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  };
  const place = (engine) => {
    if (!order.includes(engine)) order.push(engine);
    return order.indexOf(engine);
  };
  return {
    colors: () => (isDark() ? dark : light),
    engine: (engine) => {
      const list = (isDark() ? dark : light).engines;
      return list[place(engine) % list.length];
    },
    symbol: (engine) => symbols[place(engine) % symbols.length],
    stage: (stage) => (isDark() ? dark : light).stages[stage],
    apply,
    isDark,
    choose: (value) => { choice = value; apply(); },
    print: (value) => { printing = value; apply(); },
    onSystemChange: (then) => asked.addEventListener('change', then),
  };
})();
calvo.theme.apply();

calvo.stageNames = {
  lookup: 'lookup', queue: 'queue (before loading)', network_load: 'network load',
  pcie_load: 'PCIe load', queue_loaded: 'queue (loaded)', prefill: 'prefill', decode: 'decode',
};
