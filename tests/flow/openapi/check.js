// SPDX-License-Identifier: Apache-2.0
// Holds a running application to its OpenAPI document, with libraries that are not ours.
//   node check.js DOCUMENT SERVICES EXCHANGES ROUTES TRACE...
// DOCUMENT: the whole document. SERVICES: the folder with SERVICE/openapi.yaml (what each wrote of it) and SERVICE/openapi.gaps (which
// routes it left out, and which it says there are and are not). EXCHANGES: what fintech-load --contract wrote. ROUTES: fintech-app --routes.
// TRACE: what fintech-app --trace wrote; a statement counts as executed when one of them says so.
// Prints "ok NAME" or "not ok NAME", then "# WHY" lines. Exit 0 unless it cannot do its work.
'use strict';
const fs = require('fs');
const path = require('path');
const YAML = require('yaml');
const Ajv = require('ajv');
const addFormats = require('ajv-formats');

const WHY_MAX = 12;
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
// What the framework answers before a service sees the request, and 304; documents leave these out.
const UNSAID = [304, 400, 401, 403];

const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
const shape = (p) => p.replace(/\{[^}]*\}/g, '{}');
function report(name, why) {
  console.log(`${why.length ? 'not ok' : 'ok'} ${name}`);
  for (const w of why.slice(0, WHY_MAX)) console.log(`# ${w.replace(/\n/g, ' ')}`);
  if (why.length > WHY_MAX) console.log(`# and ${why.length - WHY_MAX} more`);
}

// ---- the document ----

// {"GET /v1/x/{}": operation}
function operationsOf(paths) {
  const found = {};
  for (const [p, item] of Object.entries(paths || {}))
    for (const m of METHODS) if (item && item[m]) found[`${m.toUpperCase()} ${shape(p)}`] = item[m];
  return found;
}

function resolve(doc, ref) {
  if (!ref.startsWith('#/')) throw new Error(`${ref}: only references within the document`);
  let at = doc;
  for (const part of ref.slice(2).split('/')) at = at && at[part.replace(/~1/g, '/').replace(/~0/g, '~')];
  if (at === undefined) throw new Error(`${ref}: leads nowhere`);
  return at;
}

// What a validator of the document's own form does not see.
function documentFaults(doc) {
  const why = [];
  const ids = new Map();
  const walk = (node, at) => {
    if (!node || typeof node !== 'object') return;
    if (typeof node.$ref === 'string') {
      try { resolve(doc, node.$ref); } catch (e) { why.push(`${at}: ${e.message}`); }
    }
    for (const [k, v] of Object.entries(node)) walk(v, `${at}/${k}`);
  };
  walk(doc.paths, '');
  const shapes = new Map();
  for (const [p, item] of Object.entries(doc.paths)) {
    if (shapes.has(shape(p))) why.push(`${p} and ${shapes.get(shape(p))} are the same path`);
    shapes.set(shape(p), p);
    for (const m of METHODS.filter((x) => item[x])) {
      const o = item[m];
      const name = `${m.toUpperCase()} ${p}`;
      if (o.operationId) {
        if (ids.has(o.operationId)) why.push(`${name} and ${ids.get(o.operationId)} have one operationId, ${o.operationId}`);
        ids.set(o.operationId, name);
      }
      const declared = [...(item.parameters || []), ...(o.parameters || [])].map((x) => (x.$ref ? resolve(doc, x.$ref) : x));
      const inPath = declared.filter((x) => x.in === 'path').map((x) => x.name).sort();
      const wanted = [...p.matchAll(/\{([^}]*)\}/g)].map((x) => x[1]).sort();
      if (inPath.join() !== wanted.join()) why.push(`${name}: path parameters declared: ${inPath.join(', ') || 'none'}`);
    }
  }
  return why;
}

// A schema of OpenAPI 3.0 as JSON Schema: references put in place, nullable as a type.
function jsonSchema(doc, schema, depth = 0) {
  if (depth > 40) throw new Error('a schema that contains itself');
  if (Array.isArray(schema)) return schema.map((s) => jsonSchema(doc, s, depth + 1));
  if (!schema || typeof schema !== 'object') return schema;
  if (schema.$ref) return jsonSchema(doc, resolve(doc, schema.$ref), depth + 1);
  const out = {};
  for (const [k, v] of Object.entries(schema)) {
    if (['nullable', 'example', 'xml', 'externalDocs', 'discriminator', 'deprecated', 'readOnly', 'writeOnly', 'default', 'description', 'title'].includes(k)) continue;
    if (k === 'properties') out[k] = Object.fromEntries(Object.entries(v).map(([n, s]) => [n, jsonSchema(doc, s, depth + 1)]));
    else if (['items', 'additionalProperties', 'not', 'allOf', 'anyOf', 'oneOf'].includes(k)) out[k] = jsonSchema(doc, v, depth + 1);
    else if (k === 'exclusiveMinimum' && v === true) { out.exclusiveMinimum = schema.minimum; }
    else if (k === 'exclusiveMaximum' && v === true) { out.exclusiveMaximum = schema.maximum; }
    else if (k === 'minimum' && schema.exclusiveMinimum === true) continue;
    else if (k === 'maximum' && schema.exclusiveMaximum === true) continue;
    else if (typeof v !== 'boolean' || !k.startsWith('exclusive')) out[k] = v;
  }
  if (!schema.nullable) return out;
  return { anyOf: [{ type: 'null' }, out] };
}

// ---- the answers ----

function matcher(routes) {
  const compiled = routes.map((r) => {
    const segments = r.pattern.split('/');
    return { route: r, segments, literals: segments.filter((s) => !s.startsWith('{')).length };
  });
  // As the application does: a literal segment wins over a parameter.
  return (method, target) => {
    const segments = target.split('?')[0].split('/');
    let best = null;
    for (const c of compiled) {
      if (c.route.method !== method || c.segments.length !== segments.length) continue;
      if (!c.segments.every((s, i) => s.startsWith('{') || s === segments[i])) continue;
      if (!best || c.literals > best.literals) best = c;
    }
    return best && best.route;
  };
}

function answerFaults(ajv, cache, doc, operation, key, x) {
  const where = `${x.at} ${x.method} ${x.path}: ${x.status}`;
  const responses = operation.responses || {};
  let response = responses[x.status] || responses[`${String(x.status)[0]}XX`] || responses.default;
  if (!response) return UNSAID.includes(x.status) ? [] : [`${where} is not in the document`];
  if (response.$ref) response = resolve(doc, response.$ref);
  const content = response.content;
  if (!content || x.status === 304) return [];
  if (x.body === null && x.content_type === null) return [`${where}: no body, the document has one`];
  const type = (x.content_type || '').split(';')[0].trim();
  const media = content[type] || content[`${type.split('/')[0]}/*`] || content['*/*'];
  if (!media) return [`${where}: content type ${x.content_type}, the document has ${Object.keys(content).join(', ')}`];
  if (!media.schema) return [];
  const id = `${key} ${x.status} ${type}`;
  if (!cache.has(id)) cache.set(id, ajv.compile(jsonSchema(doc, media.schema)));
  const validate = cache.get(id);
  if (validate(x.body)) return [];
  const shown = JSON.stringify(x.body);
  return [`${where}: ${ajv.errorsText(validate.errors, { dataVar: 'body' })} in ${shown.length > 300 ? `${shown.slice(0, 300)}...` : shown}`];
}

async function main() {
  const [documentFile, servicesFolder, exchangesFile, routesFile, ...traceFiles] = process.argv.slice(2);
  const text = fs.readFileSync(documentFile, 'utf8');
  const doc = YAML.parse(text, { uniqueKeys: true });
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  const result = await new Validator().validate(structuredClone(doc));
  const version = String(doc.openapi);
  report(`the document is OpenAPI 3.0, ${Object.keys(doc.paths).length} paths`, [
    ...(version.startsWith('3.0.') ? [] : [`it says ${version}`]),
    ...(result.valid ? [] : [].concat(result.errors).map((e) => (typeof e === 'string' ? e : `${e.instancePath}: ${e.message}`))),
  ]);
  report('what its parts say of each other is so', documentFaults(doc));

  const documented = operationsOf(doc.paths);
  const exchanges = lines(exchangesFile);
  const routes = lines(routesFile);
  const trace = traceFiles.flatMap(lines);
  const match = matcher(routes);
  for (const x of exchanges) x.of = match(x.method, x.path);
  const ajv = new Ajv.default({ strict: false, allErrors: false, logger: false, validateFormats: true });
  addFormats.default ? addFormats.default(ajv) : addFormats(ajv);
  const cache = new Map();
  const executed = new Map();
  for (const t of trace) executed.set(t.site, (executed.get(t.site) || 0) + t.calls);

  const services = [...new Set([...routes.map((r) => r.service), ...exchanges.map((x) => x.service)])].sort();
  for (const s of services) {
    const mine = exchanges.filter((x) => x.service === s);
    const myRoutes = routes.filter((r) => r.service === s);
    report(`${s}: ${mine.length} answers have the status that they should`,
      [...(mine.length ? [] : ['it has no requests']), ...mine.filter((x) => !x.expected.includes(x.status)).map((x) => `${x.at} ${x.method} ${x.path}: ${x.status}, not ${x.expected}`)]);

    let checked = 0;
    const why = [];
    for (const x of mine) {
      const key = x.of && `${x.method} ${shape(x.of.pattern)}`;
      if (!key || !documented[key]) continue;
      checked++;
      why.push(...answerFaults(ajv, cache, doc, documented[key], key, x));
    }
    report(`${s}: ${checked} answers are what the document says`, why);

    const file = (name) => path.join(servicesFolder, s, name);
    const gaps = fs.existsSync(file('openapi.gaps'))
      ? fs.readFileSync(file('openapi.gaps'), 'utf8').split('\n').map((l) => l.trim().replace(/\s+/g, ' ')).filter((l) => l && !l.startsWith('#')) : [];
    const fragment = fs.existsSync(file('openapi.yaml')) ? YAML.parse(`paths:\n${fs.readFileSync(file('openapi.yaml'), 'utf8')}`).paths : {};
    const there = new Set(routes.map((r) => `${r.method} ${shape(r.pattern)}`));
    const actual = [
      ...myRoutes.map((r) => `${r.method} ${shape(r.pattern)}`).filter((k) => !documented[k]).map((k) => `undocumented ${k}`),
      ...Object.keys(operationsOf(fragment)).filter((k) => !there.has(k)).map((k) => `gone ${k}`),
    ];
    report(`${s}: the document lacks and invents what openapi.gaps says`, [
      ...actual.filter((a) => !gaps.includes(a)).map((a) => `not in openapi.gaps: ${a}`),
      ...gaps.filter((g) => !actual.includes(g)).map((g) => `not so: ${g}`),
    ]);

    const succeeded = new Set(exchanges.filter((x) => x.of && x.status >= 200 && x.status < 300).map((x) => `${x.method} ${x.of.pattern}`));
    report(`${s}: ${myRoutes.length} routes succeed`,
      myRoutes.map((r) => `${r.method} ${r.pattern}`).filter((k) => !succeeded.has(k)).map((k) => `no request of ${k} was answered with 2xx`));

    const sites = [...executed.keys()].filter((k) => k.startsWith(`${s}/`));
    report(`${s}: ${sites.length} statements are executed`, sites.filter((k) => executed.get(k) === 0).map((k) => `never executed: ${k}`));
  }
}

main().catch((e) => {
  console.error(`check.js: ${e.stack}`);
  process.exit(8);
});
