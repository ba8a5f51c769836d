import { type Html, html } from '../../html.ts';

export interface Field {
  name: string;
  label: string;
  type?: 'text' | 'email' | 'password' | 'search' | 'date' | 'number' | 'tel';
  value?: string | number | undefined;
  /** under the field, before any error */
  hint?: string | Html | undefined;
  /** what is wrong with the value */
  problem?: string | undefined;
  required?: boolean;
  autocomplete?: string;
  minLength?: number;
  maxLength?: number;
  inputMode?: 'numeric' | 'decimal';
  pattern?: string;
  min?: string | number;
  max?: string | number;
  autofocus?: boolean;
  placeholder?: string;
}

/**
 * A label, its input, its hint and its problem, linked for screen readers. The page starts at the
 * first field that has a problem.
 */
export function field(options: Field): Html {
  const { name, label, type = 'text', value, required = false } = options;
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}"${attribute('value', value)}${required && html` required`}${attribute('autocomplete', options.autocomplete)}${attribute('minlength', options.minLength)}${attribute('maxlength', options.maxLength)}${attribute('inputmode', options.inputMode)}${attribute('pattern', options.pattern)}${attribute('min', options.min)}${attribute('max', options.max)}${attribute('placeholder', options.placeholder)}${options.autofocus && !options.problem && html` autofocus`}${described(options)}>
${remarks(options)}</div>`;
}

/** A choice of one value from a list. */
export function select(
  options: Omit<Field, 'type'> & { choices: { value: string; label: string }[] },
): Html {
  const { name, label, value, choices } = options;
  return html`<div class="field">
<label for="${name}">${label}</label>
<select id="${name}" name="${name}"${described(options)}>
${choices.map((choice) => html`<option value="${choice.value}"${choice.value === value && html` selected`}>${choice.label}</option>\n`)}</select>
${remarks(options)}</div>`;
}

/** A box to tick. */
export function checkbox(
  options: Pick<Field, 'name' | 'label' | 'problem'> & { checked: boolean },
): Html {
  const { name, label, checked } = options;
  return html`<div class="field tick">
<input id="${name}" name="${name}" type="checkbox" value="on"${checked && html` checked`}${described(options)}>
<label for="${name}">${label}</label>
${remarks(options)}</div>`;
}

function described({ name, hint, problem }: Pick<Field, 'name' | 'hint' | 'problem'>): Html {
  const ids = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ');
  return html`${ids && html` aria-describedby="${ids}"`}${problem && html` aria-invalid="true" autofocus`}`;
}

function remarks({ name, hint, problem }: Pick<Field, 'name' | 'hint' | 'problem'>): Html {
  return html`${hint && html`<p class="hint" id="${name}-hint">${hint}</p>\n`}${problem && html`<p class="problem" id="${name}-problem">${problem}</p>\n`}`;
}

function attribute(name: string, value: string | number | undefined): Html {
  return value === undefined ? html`` : html` ${name}="${value}"`;
}
