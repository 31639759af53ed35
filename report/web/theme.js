// Colours, light and dark. Engines differ in colour and in symbol, so that colour is never needed.
// The first seven engines, and all stages, differ for the colour-blind as well, because they differ
// in lightness: by 18 or more in CIELAB for protanopes, deuteranopes and tritanopes, as Machado,
// Oliveira and Fernandes (IEEE TVCG 15, 2009) model what they see. tests/browser/report_test.py
// computes it.
'use strict';
calvo.theme = (() => {
  const light = {
    text: '#1b1f24', quiet: '#57606a', line: '#c4ccd4', page: '#f6f7f9', bad: '#b3261e',
    engines: ['#0a7cf0', '#8a1c00', '#5f9a5c', '#a58a00', '#8768a8', '#5c1040', '#0b2a8f', '#4d4d4d',
              '#c0607a', '#2f6f6a'],
    stages: {lookup: '#6b7480', queue: '#e8a200', network_load: '#1f93ea', pcie_load: '#232f80',
             queue_loaded: '#a85a00', prefill: '#6b1f24', decode: '#7fbf74'},
  };
  const dark = {
    text: '#e6e8eb', quiet: '#a7b0ba', line: '#454e59', page: '#1d2127', bad: '#ff8f87',
    engines: ['#0f78ee', '#c64d4d', '#b2e499', '#ffe653', '#79faf6', '#b15493', '#67b9ff', '#a8adb3',
              '#ff9db0', '#8fa63a'],
    stages: {lookup: '#7f8a94', queue: '#ffcf4d', network_load: '#7ac4ff', pcie_load: '#3555c8',
             queue_loaded: '#b06f10', prefill: '#8a3a30', decode: '#b9f5a8'},
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
