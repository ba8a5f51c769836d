import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';

const MOST_TABS = 300;
const TABS_AT_ONCE = 15;

type KeyPress = { key: string; preventDefault: () => void };
type Listen = (kind: 'keydown', listener: (event: KeyPress) => void, capture: true) => void;
/** The page's document, where functions run that are passed to the browser. */
declare const document: {
  activeElement: unknown;
  addEventListener: Listen;
  removeEventListener: Listen;
};

/** How a person reaches things: with the mouse, or with the keyboard alone. */
export interface Hands {
  press: (target: Locator) => Promise<void>;
  type: (field: Locator, value: string) => Promise<void>;
  /** @param label of an option */
  choose: (field: Locator, label: string) => Promise<void>;
  /** @param day such as `2030-12-31` */
  pickDay: (field: Locator, day: string) => Promise<void>;
}

export const mouse: Hands = {
  press: (target) => target.click(),
  type: (field, value) => field.fill(value),
  choose: async (field, label) => {
    await field.selectOption({ label });
  },
  pickDay: (field, day) => field.fill(day),
};

export const keyboard: Hands = {
  press: async (target) => {
    await tabTo(target);
    const page = target.page();
    // What opens something on the page, or downloads a file, loads no page.
    const stays = await target.evaluate(
      (element) => element.tagName === 'SUMMARY' || element.hasAttribute('download'),
    );
    const loaded = stays ? undefined : page.waitForEvent('load');
    await page.keyboard.press('Enter');
    await loaded;
  },
  type: async (field, value) => {
    await tabTo(field);
    await field.page().keyboard.press('ControlOrMeta+A');
    await field.page().keyboard.type(value);
  },
  choose: async (field, label) => {
    await tabTo(field);
    await field.page().keyboard.type(label);
    assert.equal(await field.locator('option:checked').textContent(), label);
  },
  pickDay: async (field, day) => {
    await tabTo(field);
    const [year = '', month, date] = day.split('-');
    await field.page().keyboard.type(`${month}${date}${year}`);
    assert.equal(await field.inputValue(), day);
  },
};

/** Moves the focus as a person would, until it is there; further presses of the key are ignored. */
async function tabTo(target: Locator): Promise<void> {
  const page = target.page();
  await target.evaluate((element) => {
    const stop = (event: KeyPress) => {
      if (document.activeElement !== element) return;
      if (event.key === 'Tab') event.preventDefault();
      else document.removeEventListener('keydown', stop, true);
    };
    document.addEventListener('keydown', stop, true);
  });
  for (let tabs = 0; tabs < MOST_TABS; tabs += TABS_AT_ONCE) {
    const isThere = await target.evaluate((element) => document.activeElement === element);
    if (isThere) return;
    await Promise.all(Array.from({ length: TABS_AT_ONCE }, () => page.keyboard.press('Tab')));
  }
  assert.fail(`the keyboard does not reach ${target}`);
}
