import { type Html, html } from '../../html.ts';
import type { View } from '../view.ts';

/** Text to copy, such as a key or a command; a button copies it if scripts run. */
export function copyable(view: View, id: string, label: string, text: string): Html {
  const m = view.m.copy;
  return html`<div class="copyable">
<div class="title"><span class="copy-label" id="${id}-label">${label}</span><button type="button" class="quiet small needs-script" data-copy="${id}" data-copied="${m.copied}">${m.copy}<span class="unseen"> ${label}</span></button></div>
<pre id="${id}" tabindex="0" aria-labelledby="${id}-label"><code>${text}</code></pre>
</div>`;
}
