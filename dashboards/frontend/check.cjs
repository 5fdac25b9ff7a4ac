// Checks the dashboards with the published parts of Grafana's front end: that each version knows every option, and which
// text the cells of tables and the numbers of stats have for recorded results of the queries.
//
//   .ci/dashboards                            compares the text with golden/
//   .ci/dashboards --update                   writes golden/ again
//   .ci/dashboards --record SETTING URL END   asks a Prometheus with that setting (see ../README.md), writes results/;
//                                             with the name of a dashboard at the end only its results
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

// What the packages expect of a browser.
const nothing = () => undefined;
globalThis.window = Object.assign(globalThis, {
  localStorage: {getItem: () => null, setItem: nothing, removeItem: nothing},
  addEventListener: nothing, removeEventListener: nothing, history: {}, location: {search: '', pathname: '/', href: 'http://localhost/'},
});
const element = () => ({appendChild: nothing, setAttribute: nothing, style: {}, sheet: {cssRules: [], insertRule: nothing}});
globalThis.document = {head: element(), body: element(), documentElement: element(), createElement: element,
  createTextNode: element, addEventListener: nothing, querySelector: nothing, getElementsByTagName: () => [element()]};
globalThis.navigator ??= {language: 'en-US', languages: ['en-US']};

const versions = ['10', '11', '12'];
const settings = ['live', 'days', 'many', 'one'];
const here = (...parts) => path.join(__dirname, ...parts);
const dashboards = fs.readdirSync(here('..')).filter((f) => f.endsWith('.json'))
  .map((file) => ({file, ...JSON.parse(fs.readFileSync(here('..', file)))}));
const panelsOf = (d) => d.panels.flatMap((p) => [p, ...(p.panels || [])]).filter((p) => p.type !== 'row');
let failed = false;
const fail = (...text) => { failed = true; console.error(...text); };

const nameOf = (d) => d.file.replace('.json', '');
const digest = (t) => crypto.createHash('sha256').update(t.expr).digest('hex').slice(0, 16);
const ranges = {overview: 6, campaign: 24, capacity: 720, exporter: 6, agent: 6};
const instantPanels = (d) => panelsOf(d).filter((p) => ['table', 'stat', 'bargauge'].includes(p.type) &&
  p.targets.every((t) => t.instant && t.format !== 'heatmap')); // the data source changes heat maps

// record asks for the results of all instant queries. Of many campaigns it takes those whose IDs begin with a 1.
async function record(setting, url, end, only) {
  const file = here('results', `${setting}.json`);
  const results = only ? JSON.parse(fs.readFileSync(file)) : {ends: {}, panels: {}};
  for (const key of Object.keys(results.panels)) if (key.startsWith(`${only}: `)) delete results.panels[key];
  for (const d of dashboards) {
    const name = nameOf(d);
    if (only && only !== name) continue;
    results.ends[name] = Number(end);
    for (const p of instantPanels(d)) {
      for (const t of p.targets) {
        const hours = name === 'campaign' && setting === 'days' ? 288 : ranges[name];
        const query = t.expr.replaceAll('$__range', `${hours}h`).replaceAll('$campaign', setting === 'many' ? '1.+' : '.+')
          .replaceAll('$instance', '.+').replaceAll('$utc_offset', '0').replaceAll('$raw', '.+')
          .replaceAll('$by', 'llm_model');
        const answer = await (await fetch(`${url}/api/v1/query`,
          {method: 'POST', body: new URLSearchParams({query, time: end})})).json();
        if (answer.status !== 'success') throw new Error(`${d.file}: ${p.title}: ${answer.error}\n${query}`);
        results.panels[`${name}: ${p.title} / ${t.refId} ${digest(t)}`] = answer.data.result.map((s) => [s.metric, s.value[1]]);
      }
    }
  }
  fs.writeFileSync(file, JSON.stringify(results).replaceAll('],[{', '],\n[{').replaceAll('":[[', '":[\n[') + '\n');
}

const schemaDir = (version) => require.resolve(`schema-${version}`).replace(/([\\/]schema-\d+)[\\/].*/, '$1');

// known checks that a version of Grafana has everything that the dashboards use.
function known(version, data, schema) {
  const panelTypes = new Set(fs.readdirSync(path.join(schemaDir(version), 'dist', 'esm', 'raw', 'composable')));
  const units = new Set(data.getValueFormats().flatMap((g) => g.submenu.map((u) => u.value)));
  const transformations = new Set(Object.values(data.standardTransformers).map((t) => t.id));
  const has = (set) => (id) => (set instanceof Set ? set.has(id) : Object.values(set).includes(id));
  const registered = (registry) => (id) => registry.getIfExists(id) !== undefined;
  // Options and properties by their name, wherever they are.
  const checks = {
    unit: (u) => units.has(u) || /^(suffix|prefix|time):/.test(u),
    calcs: (list) => list.every(registered(data.fieldReducers)), reducers: (list) => list.every(registered(data.fieldReducers)),
    drawStyle: has(schema.GraphDrawStyle), lineInterpolation: has(schema.LineInterpolation), showPoints: has(schema.VisibilityMode),
    axisPlacement: has(schema.AxisPlacement), gradientMode: has(schema.GraphGradientMode), barAlignment: has(schema.BarAlignment),
    displayMode: (m) => has(schema.LegendDisplayMode)(m) || has(schema.BarGaugeDisplayMode)(m),
    placement: has(new Set(['bottom', 'right'])), textMode: has(schema.BigValueTextMode),
    colorMode: has(schema.BigValueColorMode), graphMode: has(schema.BigValueGraphMode), orientation: has(schema.VizOrientation),
    cellHeight: has(schema.TableCellHeight), justifyMode: has(schema.BigValueJustifyMode),
    stacking: (s) => has(schema.StackingMode)(s.mode), scaleDistribution: (s) => has(schema.ScaleDistribution)(s.type),
    thresholdsStyle: (s) => has(schema.GraphThresholdsStyleMode)(s.mode), tooltip: (s) => s === false || has(schema.TooltipDisplayMode)(s.mode),
    cellOptions: (c) => has(schema.TableCellDisplayMode)(c.type), thresholds: (s) => has(schema.ThresholdsMode)(s.mode),
    mappings: (list) => list.every((m) => has(schema.MappingType)(m.type)),
  };
  const check = (d, p, name, value) => {
    name = name.replace(/^custom\./, '');
    if (Object.hasOwn(checks, name) && !checks[name](value)) {
      fail(`Grafana ${version}: ${d.file}: ${p.title}: unknown ${name} ${JSON.stringify(value)}`);
    }
  };
  const walk = (d, p, value) => {
    if (value === null || typeof value !== 'object') return;
    for (const [name, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) check(d, p, name, inner);
      walk(d, p, inner);
    }
  };
  for (const d of dashboards) {
    for (const p of panelsOf(d)) {
      const {defaults, overrides} = p.fieldConfig;
      const wrong = (what, id) => fail(`Grafana ${version}: ${d.file}: ${p.title}: unknown ${what} ${id}`);
      if (!panelTypes.has(p.type.replaceAll('-', ''))) wrong('panel type', p.type);
      const colors = [defaults.color, ...overrides.flatMap((o) => o.properties.filter((x) => x.id === 'color').map((x) => x.value))];
      for (const c of colors) if (c && !registered(data.fieldColorModeRegistry)(c.mode)) wrong('colour mode', c.mode);
      for (const t of p.transformations || []) if (!transformations.has(t.id)) wrong('transformation', t.id);
      for (const o of overrides) {
        if (!registered(data.fieldMatchers)(o.matcher.id)) wrong('matcher', o.matcher.id);
        for (const x of o.properties) check(d, p, x.id, x.value);
      }
      walk(d, p, defaults);
      if (p.type !== 'heatmap') walk(d, p, p.options); // it has options of its own under the same names
    }
  }
}

// frames are the results of a panel's queries as the data source for Prometheus gives them.
function frames(data, d, p, results) {
  const name = nameOf(d);
  return p.targets.flatMap((t) => {
    const series = results.panels[`${name}: ${p.title} / ${t.refId} ${digest(t)}`];
    if (series === undefined) {
      fail(`results/ lacks the query ${name}: ${p.title} / ${t.refId}, as it is now; record it`);
      return [];
    }
    const number = (v) => (Number.isFinite(Number(v)) ? Number(v) : null);
    const time = results.ends[name] * 1000;
    if (t.format !== 'table') {
      return series.map(([labels, v]) => data.toDataFrame({refId: t.refId, fields: [
        {name: 'Time', type: 'time', values: [time]},
        {name: 'Value', type: 'number', values: [number(v)], labels, config: {displayNameFromDS:
          t.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, l) => labels[l] || '')}}]}));
    }
    if (series.length === 0) return [];
    const names = [...new Set(series.flatMap(([labels]) => Object.keys(labels)))].sort();
    return [data.toDataFrame({refId: t.refId, fields: [
      {name: 'Time', type: 'time', values: series.map(() => time)},
      ...names.map((l) => ({name: l, type: 'string', values: series.map(([labels]) => labels[l] ?? '')})),
      {name: p.targets.length > 1 ? `Value #${t.refId}` : 'Value', type: 'number', values: series.map(([, v]) => number(v))},
    ]})];
  });
}

// configRegistry applies each property of defaults and overrides as it is.
function configRegistry(data, p) {
  const ids = ['displayName', 'unit', 'decimals', 'min', 'max', 'noValue', 'mappings', 'thresholds', 'color', 'links'];
  const custom = new Set(Object.keys(p.fieldConfig.defaults.custom || {}));
  for (const o of p.fieldConfig.overrides) for (const x of o.properties) if (x.id.startsWith('custom.')) custom.add(x.id.slice(7));
  const item = (id, isCustom) => ({id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, process: (v) => v,
    override: nothing, editor: nothing, shouldApply: () => true, getItemsCount: () => 0});
  return new data.FieldConfigOptionsRegistry(() => [...ids.map((id) => item(id, false)), ...[...custom].map((id) => item(id, true))]);
}

// text is what a panel shows: the cells of a table, or each name and number.
async function text(data, d, p, results) {
  const input = frames(data, d, p, results);
  const context = {interpolate: (v) => v};
  const transformed = await new Promise((done, wrong) =>
    data.transformDataFrame(p.transformations || [], input, context).subscribe({next: done, error: wrong}));
  const shown = data.applyFieldOverrides({data: transformed, fieldConfig: p.fieldConfig, replaceVariables: (v) => v,
    theme: data.createTheme(), timeZone: 'utc', fieldConfigRegistry: configRegistry(data, p)});
  const cell = (f, i) => data.formattedValueToString(f.display(f.values.get ? f.values.get(i) : f.values[i])).trim();
  if (p.type !== 'table') {
    const values = data.getFieldDisplayValues({data: shown, fieldConfig: p.fieldConfig, reduceOptions: p.options.reduceOptions,
      replaceVariables: (v) => v, theme: data.createTheme(), timeZone: 'utc'});
    return values.map((v) => `${v.display.title ?? ''}: ${data.formattedValueToString(v.display).trim()}`);
  }
  return shown.flatMap((frame) => {
    const fields = frame.fields.filter((f) => !f.config.custom?.hidden);
    const heads = fields.map((f) => data.getFieldDisplayName(f, frame, shown));
    return [heads.join(' | '), ...Array.from({length: frame.length}, (_, i) => fields.map((f) => cell(f, i)).join(' | '))];
  });
}

async function main() {
  if (process.argv[2] === '--record') return record(...process.argv.slice(3));
  const now = Date.now;
  for (const version of versions) {
    const data = require(`data-${version}`);
    const transformers = new Map(Object.values(data.standardTransformers).map((t) => [t.id, t])); // some have two names
    data.standardTransformersRegistry.setInit(() => [...transformers.values()]
      .map((t) => ({id: t.id, name: t.name, transformation: t, editor: nothing})));
    known(version, data, require(`schema-${version}`));
    for (const setting of settings) {
      const results = JSON.parse(fs.readFileSync(here('results', `${setting}.json`)));
      const lines = [];
      for (const d of dashboards) {
        Date.now = () => results.ends[nameOf(d)] * 1000;
        for (const p of instantPanels(d)) {
          lines.push(`## ${d.title}: ${p.title}`, ...await text(data, d, p, results), '');
        }
      }
      Date.now = now;
      const golden = here('golden', `${setting}.txt`);
      const got = lines.join('\n');
      if (process.argv[2] === '--update' && version === versions[0]) fs.writeFileSync(golden, got);
      const want = fs.existsSync(golden) ? fs.readFileSync(golden, 'utf8').split('\n') : [];
      const differ = got.split('\n').flatMap((line, i) => (line === want[i] ? [] : [`  ${i + 1}: ${line}\n  not: ${want[i]}`]));
      if (differ.length > 0 || want.length !== got.split('\n').length) {
        fail(`Grafana ${version}: ${setting} differs from golden/${setting}.txt:\n${differ.slice(0, 10).join('\n')}`);
      }
    }
  }
}

main().then(() => process.exit(failed ? 1 : 0), (error) => { console.error(error); process.exit(1); });
