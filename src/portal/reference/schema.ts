import { type Html, html } from '../../html.ts';
import { badge } from '../components/blocks.ts';
import type { Messages } from '../messages/index.ts';
import type { Schema } from './document.ts';

/** A description of the document: English, with code in backticks. */
export function prose(text: string | undefined): Html | undefined {
  if (!text) return undefined;
  return html`${text
    .split('`')
    .map((part, index) => (index % 2 ? html`<code>${part}</code>` : html`${part}`))}`;
}

/** The type of a value in a few words, such as `array of string` or `integer, 0 to 9`. */
function typeOf(schema: Schema, m: Messages): Html {
  const { type, format, items, anyOf, oneOf } = schema;
  const values = schema.const === undefined ? schema.enum : [schema.const];
  if (values) return html`${joined(values.map(code), m)}`;
  const variants = anyOf ?? oneOf;
  if (variants)
    return html`${joined(
      variants.map((variant) => typeOf(variant, m)),
      m,
    )}`;
  if (items) return html`${m.reference.arrayOf} ${typeOf(items, m)}`;
  const name = [type ?? 'any'].flat().join(` ${m.reference.or} `);
  return html`${format ? `${name} (${format})` : name}${limits(schema, m)}`;
}

const code = (value: unknown) => html`<code>${JSON.stringify(value)}</code>`;

const joined = (parts: Html[], m: Messages) =>
  parts.map((part, index) => html`${index > 0 && ` ${m.reference.or} `}${part}`);

function limits(schema: Schema, m: Messages): Html {
  const { minimum, maximum, minLength, maxLength, pattern } = schema;
  const range = m.reference.range(minimum, maximum);
  const length = m.reference.length(minLength, maxLength);
  return html`${[range, length].map((text) => text && `, ${text}`)}${pattern && html`, <code>${pattern}</code>`}`;
}

export interface Member {
  name: string;
  required?: boolean | undefined;
  description?: string | undefined;
  schema: Schema;
  /** its location, if it is not the body */
  place?: string;
}

/**
 * Names, types and meaning, including the members of nested objects.
 * @param of in requests, required members are marked; in answers, members that may be absent
 */
export function memberList(members: Member[], of: 'request' | 'answer', m: Messages): Html {
  return html`<dl class="members">
${members.map((member) => html`<div>${memberOf(member, of, m)}</div>\n`)}</dl>`;
}

function memberOf(member: Member, of: 'request' | 'answer', m: Messages): Html {
  const { name, required, description, schema, place } = member;
  const inner = membersOf(schema);
  const text = prose(description ?? schema.description);
  return html`<dt><code>${name}</code> <span class="sub">${typeOf(schema, m)}</span>${place && html` ${badge('plain', place)}`}${of === 'request' && required && html` ${badge('info', m.reference.required)}`}${of === 'answer' && required === false && html` ${badge('plain', m.reference.optional)}`}</dt>
<dd>${text && html`<span lang="en">${text}</span>`}${inner.length > 0 && memberList(inner, of, m)}</dd>`;
}

/** The members of an object, or of the objects that an array holds. */
export function membersOf(schema: Schema): Member[] {
  const { properties, required = [], items } = schema;
  if (!properties) return items ? membersOf(items) : [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: property,
  }));
}
