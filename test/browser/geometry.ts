import type { Page } from 'playwright-core';

const PHONE = 390;

/**
 * Measures a page in its present state, in the browser.
 * @param width of the window
 * @returns elements that reach out of their parent, texts that overlap, and on a phone what is too
 *   small for a thumb
 */
export function geometryOf(page: Page, width: number): Promise<string[]> {
  return page.evaluate(`(${MEASURE})(${width === PHONE})`);
}

const MEASURE = `(isPhone) => {
  const faults = [];
  scrollTo(0, 0);
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    faults.push('is ' + scrollWidth + ' px wide in a window of ' + clientWidth);
  }
  const isShown = (element) => {
    if (element.closest('.unseen') || (isPhone && element.closest('thead'))) return false;
    // Chromium calls texts of an undisplayed group of SVG visible.
    const group = element.closest('svg g');
    if (group && getComputedStyle(group).display === 'none') return false;
    return element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  };
  const name = (element) => element.tagName.toLowerCase() +
    (element.getAttribute('class') ? '.' + element.getAttribute('class') : '') +
    ' "' + element.textContent.trim().replace(/\\s+/g, ' ').slice(0, 40) + '"';
  const overflows = (element) => getComputedStyle(element).overflowX === 'visible';

  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('svg') || !isShown(element)) continue;
    const style = getComputedStyle(element);
    const parent = element.parentElement;
    const outer = getComputedStyle(parent);
    if (style.position === 'absolute' || style.position === 'fixed') continue;
    if (outer.display === 'inline' || outer.display === 'contents') continue;
    const [own, around] = [element.getBoundingClientRect(), parent.getBoundingClientRect()];
    if (own.width === 0 || !overflows(parent)) continue;
    if (own.left < around.left - 1 || own.right > around.right + 1) {
      faults.push(name(element) + ' reaches ' +
        Math.round(Math.max(own.right - around.right, around.left - own.left)) +
        ' px out of ' + name(parent));
    }
  }

  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest('title, option, .skip') || !isShown(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, right, top, bottom } of range.getClientRects()) {
      // The glyphs are lower than their line.
      const rim = (bottom - top) * 0.2;
      const box = { node, left, right, top: top + rim, bottom: bottom - rim };
      for (let around = parent; around; around = around.parentElement) {
        if (overflows(around)) continue;
        const clip = around.getBoundingClientRect();
        box.left = Math.max(box.left, clip.left);
        box.right = Math.min(box.right, clip.right);
        box.top = Math.max(box.top, clip.top);
        box.bottom = Math.min(box.bottom, clip.bottom);
      }
      if (box.right - box.left > 1 && box.bottom - box.top > 1) boxes.push(box);
    }
  }
  boxes.sort((one, other) => one.top - other.top);
  for (const [index, one] of boxes.entries()) {
    for (let next = index + 1; next < boxes.length && boxes[next].top < one.bottom; next++) {
      const other = boxes[next];
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      if (one.node !== other.node && width > 1) {
        faults.push('"' + one.node.data.trim() + '" lies over "' + other.node.data.trim() + '"');
      }
    }
  }

  if (isPhone) {
    const pressed = 'button, .button, input:not([type=hidden], [type=checkbox]), select, .tabs a, .main-nav a';
    for (const element of document.querySelectorAll(pressed)) {
      const { height } = element.getBoundingClientRect();
      if (isShown(element) && height < 43.5) faults.push(name(element) + ' is only ' + height + ' px high');
    }
  }
  return faults;
}`;
