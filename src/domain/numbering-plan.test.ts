import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CountryCode, type Examples, getCountries, getExampleNumber } from 'libphonenumber-js';
import examples from 'libphonenumber-js/mobile/examples';
import { sharedService } from '../../test/support/service.ts';
import { keepPlan, planOf, readPlan } from './numbering-plan.ts';
import { dialledNumber, readDialled } from './phone-number.ts';

const api = sharedService();

/** The results of the database's `dialled_number` for texts dialled in a country. */
async function dialledInSql(dialled: [country: string, text: string][]): Promise<string[]> {
  const rows = await api.service.db.query<{ number: string }>(
    `SELECT dialled_number(d.text, p) AS number
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS d (country, text, n)
       JOIN numbering_plan p ON p.country = d.country ORDER BY d.n`,
    [dialled.map(([country]) => country), dialled.map(([, text]) => text)],
  );
  return rows.map(({ number }) => number);
}

function digitsOf(text: string): string {
  const { called = text, dialled = called } = readDialled(text) ?? {};
  return dialled;
}

test('the example of each country is one number in national, international and E.164 form', async () => {
  const countries = getCountries();
  assert.ok(countries.length >= 240);
  const forms = countries.flatMap((country: CountryCode) => {
    const example = getExampleNumber(country, examples as Examples);
    assert.ok(example, country);
    const texts = [
      example.formatNational(),
      example.formatInternational(),
      example.number,
      example.number.slice(1),
      example.format('IDD', { fromCountry: country }),
    ];
    return texts.map((text) => ({ country, text, number: dialledNumber(example.number) }));
  });
  for (const country of countries) await keepPlan(api.service.db, country);
  const plans = new Map(
    await Promise.all(
      countries.map(async (country) => [country, planOf(await readPlan(country))] as const),
    ),
  );
  const inSql = await dialledInSql(forms.map(({ country, text }) => [country, digitsOf(text)]));
  for (const [n, { country, text, number }] of forms.entries()) {
    assert.equal(dialledNumber(text, plans.get(country)), number, `${country} ${text}`);
    assert.equal(inSql[n], number, `${country} ${text}, in the database`);
  }
});

test('what is dialled means what the country says, and nothing is guessed of the rest', async () => {
  const { db } = api.service;
  const table = [
    ['GB', '02079460000', '+442079460000'],
    ['GB', '2079460000', '+2079460000'],
    ['GB', '447700900123', '+447700900123'],
    ['GB', '0012125550123', '2125550123'],
    ['GB', '+4402079460000', '+4402079460000'],
    ['GB', '999', '999'],
    ['GB', '0800', '0800'],
    // a range that is in no plan yet: the digits after the trunk prefix are a number of the country
    ['GB', '04123456789', '+444123456789'],
    ['ES', '612345678', '+34612345678'],
    ['ES', '34612345678', '+34612345678'],
    ['IT', '0612345678', '+390612345678'],
    ['AR', '01115-23456789', '+5491123456789'],
    ['RU', '81312345678', '+81312345678'],
    ['RU', '8 (912) 345-67-89', '+79123456789'],
    ['AU', '0011442079460000', '+442079460000'],
    ['JP', '010442079460000', '+442079460000'],
    ['US', '2079460000', '2079460000'],
    ['US', '02079460000', '02079460000'],
    ['CA', '011442079460000', '+442079460000'],
    ['GB', '*98', '*98'],
    // No country code follows, so it is no international prefix; 003 and 999 are emergency numbers.
    ['GB', '00112', '00112'],
    ['UZ', '003', '003'],
    ['KP', '999', '999'],
  ] as const;
  for (const [country] of table) await keepPlan(db, country);
  const inSql = await dialledInSql(table.map(([country, text]) => [country, digitsOf(text)]));
  for (const [n, [country, text, number]] of table.entries()) {
    const plan = planOf(await readPlan(country));
    assert.equal(dialledNumber(text, plan), number, `${country} ${text}`);
    assert.equal(inSql[n], number, `${country} ${text}, in the database`);
  }
  await assert.rejects(keepPlan(db, 'XX'), { problem: { key: 'country' } });
});
