import type { FastifyInstance } from 'fastify';
import * as entered from '../../domain/entered-values.ts';
import { type PriceFile, readPriceFile } from '../../domain/rating/price-csv.ts';
import { type ImportCounts, importPrices } from '../../domain/rating/price-import.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { facts, notice, panel } from '../components/blocks.ts';
import { checkbox, field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { optional, type Problems, problemOf, readFields } from '../entered.ts';
import { takeFiles } from '../file-form.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showOnce } from '../shown-once.ts';
import { form, type View } from '../view.ts';
import { administrator } from './actor.ts';

const PATH = '/admin/price-import';
const SHOWN_FAULTS = 100;

/** What an import did. */
export type Imported = ImportCounts & Pick<PriceFile, 'ignored'>;

/** Prices from a file: first what it would change and what is wrong with it, then the import. */
export async function priceImport(app: FastifyInstance, service: Service): Promise<void> {
  const { db, clock } = service;
  takeFiles(app, service);

  app.post(PATH, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.prices;
    const fields = formFields(request);
    const { values, problems } = readFields(view.m, fields, {
      list: entered.listName,
      from: optional(entered.from),
    });
    const text = fields.file?.trim() ? fields.file : (fields.text ?? '');
    const kept = { ...fields, text };
    const again = (wrong: Problems, more?: Html) =>
      sendPage(reply, view, formPage(view, kept, wrong, more));
    if (problems) return again(problems);
    if (text.trim() === '') return again({ file: m.noFile });
    const { prices, faults, ignored } = await readPriceFile(text);
    if (faults.length > 0)
      return again({ file: m.faulty(faults.length) }, faultTable(view, faults));
    const { list, from } = values;
    const options = {
      now: clock(),
      from: from ?? undefined,
      replace: fields.replace === 'on',
      dryRun: fields.step !== 'import',
    };
    if (from && from.getTime() < clock().getTime()) return again({ from: m.past });
    let counts: ImportCounts;
    try {
      counts = await importPrices(db, administrator(request), list, prices, options);
    } catch (error) {
      return again({ file: problemOf(view.m, error).text });
    }
    const done: Imported = { ...counts, ignored };
    if (!options.dryRun) return showOnce(service, reply, `/admin/prices/${list}`, done);
    return sendPage(reply, view, previewPage(view, { ...kept, list }, done));
  });
}

/** The form for a file or pasted lines. With a list's name, for that list. */
export function importForm(
  view: View,
  { values, problems }: { values: Fields; problems: Problems },
): Html {
  const m = view.m.operator.prices;
  const fields = html`<p>${m.importText}</p>
<div class="form-grid">
${field({ name: 'list', label: m.name, value: values.list, problem: problems.list, hint: m.nameHint, autocomplete: 'off', required: true })}
<div class="field"><label for="file">${m.file}</label>
<input id="file" name="file" type="file" accept=".csv,text/csv"${problems.file && html` aria-invalid="true" aria-describedby="file-problem"`}>
${problems.file && html`<p class="problem" id="file-problem">${problems.file}</p>`}</div>
${field({ name: 'from', label: m.from, value: values.from, problem: problems.from, hint: m.fromHint, autocomplete: 'off' })}
</div>
<div class="field"><label for="text">${m.paste}</label>
<textarea id="text" name="text" rows="6" spellcheck="false">${values.text}</textarea></div>
${checkbox({ name: 'replace', label: m.replace, problem: undefined, checked: values.replace === 'on' })}
<button>${m.preview}</button>`;
  return form(view, PATH, fields, undefined, { takesFile: true });
}

function formPage(view: View, values: Fields, problems: Problems, more?: Html): Page {
  const m = view.m.operator.prices;
  const content = html`${more}
<section class="panel">${importForm(view, { values, problems })}</section>`;
  return { title: m.importTitle, content, status: 400 };
}

function faultTable(view: View, faults: PriceFile['faults']): Html {
  const m = view.m.operator.prices;
  const shown = faults.slice(0, SHOWN_FAULTS);
  const rest = faults.length - shown.length;
  return html`${notice('bad', `${m.faulty(faults.length)} ${m.nothingImported}`)}
${panel(
  m.faults,
  html`${table<PriceFile['faults'][number]>(view, {
    caption: m.faults,
    rows: shown,
    columns: [
      { label: m.line, cell: ({ line }) => view.m.count(line), numeric: true, onPhone: true },
      { label: m.fault, cell: ({ fault }) => freeText(view.m.priceFault(fault)), onPhone: true },
    ],
  })}${rest > 0 && html`<p class="quiet-text">${view.m.operator.account.more(rest)}</p>`}`,
)}`;
}

/** What an import would do, and the form that does it. */
function previewPage(view: View, values: Fields, counts: Imported): Page {
  const m = view.m.operator.prices;
  const hidden = ['list', 'from', 'replace'].map(
    (name) => html`<input type="hidden" name="${name}" value="${values[name] ?? ''}">\n`,
  );
  const fields = html`<input type="hidden" name="step" value="import">
${hidden}<textarea name="text" hidden>
${values.text}</textarea>
<button>${m.import}</button> <a class="button quiet" href="/admin/prices">${m.cancel}</a>`;
  const content = html`${notice('info', m.nothingYet)}
${panel(
  m.list(values.list ?? ''),
  html`${countFacts(view, counts)}
${form(view, PATH, fields, undefined, { takesFile: true })}`,
)}`;
  return { title: m.previewTitle, content };
}

/** What an import did, on the page that follows. */
export function importedNotice(view: View, counts: Imported): Html {
  return html`${notice('good', view.m.operator.prices.imported)}
${panel(view.m.operator.prices.importTitle, countFacts(view, counts))}`;
}

function countFacts(view: View, counts: Imported): Html {
  const m = view.m.operator.prices;
  const { count } = view.m;
  return facts([
    { label: m.added, value: count(counts.added) },
    { label: m.changedCount, value: count(counts.changed) },
    { label: m.unchanged, value: count(counts.unchanged) },
    { label: m.removedCount, value: count(counts.removed) },
    ...(counts.raisedSoon > 0 ? [{ label: m.raisedSoon, value: count(counts.raisedSoon) }] : []),
    ...(counts.ignored.length > 0
      ? [{ label: m.ignored, value: freeText(counts.ignored.join(', ')) }]
      : []),
  ]);
}
